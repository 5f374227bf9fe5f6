import type { OrderOutcome } from '@souk/core';
import type { Order } from '@souk/protocol';
import { el, icon, setAttribute, setText } from './dom.js';
import { formatCount } from './money.js';
import { ProductCard } from './product-card.js';
import type { RoomController } from './room-controller.js';
import { Shelf } from './shelf.js';
import { type StringKey, type Translate, translator } from './strings.js';
import { Toast } from './toast.js';

/** What stands over (or instead of) the picture. */
export function veilOf({ session, player, store }: RoomController): StringKey | null {
  if (session === 'gone' || session === 'refused') return session;
  const { state } = store.view;
  if (player === 'playing') return state === 'lost' ? 'lost' : null;
  return state === 'live' ? 'connecting' : session === 'open' || player === 'offline' ? state : 'connecting';
}

/** The element's inside: built once, then written to where something has changed. */
export class RoomView {
  readonly video = el('video', { playsinline: true, autoplay: true, 'aria-hidden': 'true' });
  readonly root: HTMLElement;
  private readonly t: Translate;
  private readonly title = el('h1', { class: 'room-title' });
  private readonly badge = el('span', { class: 'badge' });
  private readonly viewers = el('span', { class: 'viewers' });
  private readonly veil = el('div', { class: 'veil', role: 'status' }, el('i', { class: 'spinner' }), el('p'));
  private readonly sound = el('button', { class: 'sound', type: 'button' });
  private readonly opener = el('button', { class: 'round open', type: 'button' });
  private readonly count = el('span', { class: 'count' });
  private readonly pin = el('div', { class: 'pin' });
  private readonly card: ProductCard;
  private readonly shelf: Shelf;
  private readonly toast: Toast;
  private controller: RoomController | null = null;

  constructor(private readonly language: string) {
    const t = (this.t = translator(language));
    const options = { t, language, buy: (offer: Parameters<RoomController['buy']>[0]) => this.buy(offer) };
    this.card = new ProductCard(options);
    this.shelf = new Shelf(options, () => this.openShelf(false));
    this.toast = new Toast(t, language);
    setAttribute(this.opener, 'aria-label', t('shelf'));
    this.opener.append(icon('bag'), this.count);
    this.opener.addEventListener('click', () => this.openShelf(true));
    this.sound.addEventListener('click', () => this.controller?.unmute());
    this.sound.append(icon('soundOff'), t('soundOn'));
    this.sound.hidden = true;
    this.video.addEventListener('resize', () => setAttribute(this.root, 'data-upright', this.video.videoHeight > this.video.videoWidth));
    const top = el('header', { class: 'top' }, this.title, el('p', {}, this.badge, this.viewers));
    const bottom = el('div', { class: 'bottom' }, this.toast.element, el('div', { class: 'row' }, this.pin, this.opener));
    const stage = el('main', { class: 'stage' }, this.video, this.veil, top, this.sound, bottom);
    this.root = el('div', { class: 'room', lang: language }, stage, this.shelf.element);
  }

  attach(controller: RoomController): void {
    this.controller = controller;
    this.draw();
  }

  destroy(): void {
    this.card.destroy();
    this.shelf.destroy();
    this.toast.destroy();
    this.root.remove();
  }

  setTitle(title: string): void {
    setText(this.title, title);
  }

  setMuted(muted: boolean): void {
    this.sound.hidden = !muted;
  }

  showOrder(outcome: OrderOutcome): void {
    this.toast.show(outcome);
  }

  showOrders(orders: Order[]): void {
    this.shelf.showOrders(orders);
  }

  draw(): void {
    const { controller, t } = this;
    if (!controller) return;
    const { store } = controller;
    const { state, viewers, pinned, products } = store.view;
    this.root.dataset['state'] = state;
    this.root.dataset['player'] = controller.player;
    setText(this.badge, state === 'live' ? t('live') : '');
    this.badge.hidden = state !== 'live';
    setText(this.viewers, t('viewers', { n: formatCount(viewers, this.language) }));
    this.viewers.hidden = controller.session !== 'open';
    setText(this.count, products.size ? String(products.size) : '');
    this.drawVeil(veilOf(controller));
    this.drawPin(pinned);
    this.shelf.update(store);
  }

  private drawVeil(text: StringKey | null): void {
    this.veil.hidden = text === null;
    this.veil.dataset['kind'] = text ?? '';
    const line = this.veil.querySelector('p');
    if (line) setText(line, text ? this.t(text) : '');
  }

  private drawPin(pinned: string | null): void {
    const offer = this.controller?.store.offer(pinned) ?? null;
    if (offer) this.card.update(offer, true);
    if (offer && !this.card.element.isConnected) this.pin.replaceChildren(this.card.element);
    if (!offer) this.pin.replaceChildren();
  }

  private openShelf(open: boolean): void {
    setAttribute(this.root, 'data-shelf', open ? 'open' : null);
    (open ? this.shelf.element.querySelector<HTMLElement>('.close') : this.opener)?.focus();
  }

  private buy(offer: Parameters<RoomController['buy']>[0]): Promise<OrderOutcome> {
    return this.controller ? this.controller.buy(offer) : Promise.resolve({ kind: 'unknown' });
  }
}
