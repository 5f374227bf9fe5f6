import { ApiClient, Subscriptions } from '@souk/core';
import { formatMoney } from '@souk/room/money';
import { AirPanel } from './air-panel.js';
import { Broadcast } from './broadcast.js';
import { el } from './dom.js';
import { ShelfPanel } from './shelf-panel.js';
import { Shop } from './shop.js';
import type { Text } from './text.js';

/** The host's page: the show on the left, the shop on the right. */
export class StudioPage {
  readonly element: HTMLElement;
  private readonly broadcast: Broadcast;
  private readonly shop: Shop;
  private readonly air: AirPanel;
  private readonly shelf: ShelfPanel;
  private readonly counts = el('p', { class: 'counts', role: 'status' });
  private readonly warning = el('p', { class: 'fault', role: 'alert' });
  private readonly subscriptions = new Subscriptions();

  constructor(
    base: string,
    room: string,
    token: string,
    private readonly t: Text,
    private readonly language: string,
  ) {
    const api = new ApiClient(base, () => token);
    this.broadcast = new Broadcast(api, room, token);
    this.shop = new Shop(api, room, token);
    this.air = new AirPanel(this.broadcast, t);
    this.shelf = new ShelfPanel(this.shop, t, language);
    const title = el('h1', {}, room);
    const link = el('a', { href: `/r/${room}`, target: '_blank', rel: 'noopener' }, t('openRoom'));
    this.element = el(
      'main',
      { class: 'studio' },
      el('header', { class: 'bar' }, el('div', {}, el('small', {}, t('studio')), title), this.counts, link),
      this.warning,
      el('div', { class: 'columns' }, this.air.element, this.shelf.element),
    );
    this.subscriptions.add(this.shop.on('change', () => this.draw()));
    this.subscriptions.listen(window, 'pagehide', () => this.broadcast.stop());
    api.room(room).then((found) => (title.textContent = found.title), () => undefined);
    this.draw();
    this.shop.start();
  }

  destroy(): void {
    this.subscriptions.destroy();
    this.air.destroy();
    this.shelf.destroy();
    this.broadcast.destroy();
    this.shop.destroy();
    this.element.remove();
  }

  private draw(): void {
    const { t, shop, language } = this;
    const takings = shop.takings.map((sum) => formatMoney(sum, language)).join(' + ') || '–';
    const count = (name: string, value: string, label: string) =>
      el('span', { 'data-count': name }, el('b', {}, value), ` ${label}`);
    this.warning.textContent = shop.warnings.includes('unsupported_source') ? t('unsupported_source') : '';
    this.air.setRoomLive(shop.store.view.state === 'live');
    this.counts.replaceChildren(
      count('viewers', String(shop.store.view.viewers), t('viewers')),
      count('orders', String(shop.orders.length), t('orders')),
      count('takings', takings, t('takings')),
    );
  }
}
