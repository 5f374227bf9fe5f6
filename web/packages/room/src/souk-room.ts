import { Subscriptions, browserStore, chooseLanguage } from '@souk/core';
import { RoomController } from './room-controller.js';
import { RoomView } from './room-view.js';
import css from './room.css?inline';

/**
 * <souk-room room="demo" [base="https://…"] [token="…"] [play="flv"] [lang="zh"]>: a room to watch and
 * buy in. Fires `souk-pin` {sku, capture_us} when another card is shown and `souk-order` {outcome}.
 */
export class SoukRoom extends HTMLElement {
  private controller: RoomController | null = null;
  private view: RoomView | null = null;
  private readonly subscriptions = new Subscriptions();
  private pinned: string | null = null;
  private captureUs: number | null = null;

  connectedCallback(): void {
    const room = this.getAttribute('room');
    if (!room || this.view) return;
    const language = chooseLanguage(this.getAttribute('lang'), document.documentElement.lang, navigator.language);
    const view = (this.view = new RoomView(language));
    const shadow = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    shadow.adoptedStyleSheets = [sheet];
    shadow.replaceChildren(view.root);
    view.setTitle(room);
    const controller = (this.controller = new RoomController({
      room,
      base: this.getAttribute('base') || location.origin,
      token: this.getAttribute('token'),
      only: this.getAttribute('play') ?? undefined,
      store: browserStore(),
      video: view.video,
    }));
    this.subscriptions.add(
      controller.on('change', () => this.onChange()),
      controller.on('title', (title) => view.setTitle(title)),
      controller.on('muted', (muted) => view.setMuted(muted)),
      controller.on('orders', (orders) => view.showOrders(orders)),
      controller.on('frame', ({ captureUs }) => (this.captureUs = captureUs)),
      controller.on('order', (outcome) => {
        view.showOrder(outcome);
        this.dispatchEvent(new CustomEvent('souk-order', { detail: { outcome } }));
      }),
    );
    view.attach(controller);
    controller.start();
  }

  disconnectedCallback(): void {
    this.subscriptions.destroy();
    this.controller?.destroy();
    this.view?.destroy();
    this.controller = null;
    this.view = null;
  }

  /** The kind of play item in use ("whep", "flv"), empty before the first. */
  get playKind(): string {
    return this.controller?.kind ?? '';
  }

  private onChange(): void {
    this.view?.draw();
    const pinned = this.controller?.store.view.pinned ?? null;
    if (pinned === this.pinned) return;
    this.pinned = pinned;
    this.dispatchEvent(new CustomEvent('souk-pin', { detail: { sku: pinned, capture_us: this.captureUs } }));
  }
}

if (!customElements.get('souk-room')) customElements.define('souk-room', SoukRoom);
