import type { Offer, RoomStore } from '@souk/core';
import type { Order } from '@souk/protocol';
import { el, icon, setText } from './dom.js';
import { formatMoney } from './money.js';
import { type CardOptions, ProductCard } from './product-card.js';

const ORDERS_SHOWN = 5;

/** All products of the room and the viewer's own orders: a sheet on phones, a column on wide screens. */
export class Shelf {
  readonly element: HTMLElement;
  private readonly list = el('div', { class: 'list' });
  private readonly empty = el('p', { class: 'empty' });
  private readonly orders = el('div', { class: 'orders' });
  private readonly cards = new Map<string, ProductCard>();
  private mine: Order[] = [];

  constructor(
    private readonly options: CardOptions,
    onClose: () => void,
  ) {
    const { t } = options;
    const close = el('button', { class: 'round close', type: 'button', 'aria-label': t('close') }, icon('close'));
    close.addEventListener('click', onClose);
    this.empty.textContent = t('shelfEmpty');
    this.element = el(
      'section',
      { class: 'shelf', 'aria-label': t('shelf') },
      el('header', {}, el('h2', {}, t('shelf')), close),
      this.list,
      this.empty,
      this.orders,
    );
  }

  destroy(): void {
    for (const card of this.cards.values()) card.destroy();
    this.element.remove();
  }

  update(store: RoomStore): void {
    const { products, pinned } = store.view;
    const known = this.cards.size;
    for (const [sku, card] of this.cards) {
      if (products.has(sku)) continue;
      card.destroy();
      this.cards.delete(sku);
    }
    const offers = [...products.keys()].map((sku) => store.offer(sku)).filter((offer): offer is Offer => offer !== null);
    for (const offer of offers) this.cardOf(offer).update(offer, offer.product.sku === pinned);
    this.empty.hidden = offers.length > 0;
    if (this.cards.size !== known) this.drawOrders();
  }

  showOrders(orders: Order[]): void {
    this.mine = orders;
    this.drawOrders();
  }

  /** Again when products arrive: after a reload the orders may be here before their titles. */
  private drawOrders(): void {
    const { t, language } = this.options;
    const rows = this.mine.slice(0, ORDERS_SHOWN).map((order) => {
      const what = order.items.map(({ sku, qty }) => `${this.titleOf(sku)} × ${qty}`).join(', ');
      const state = el('span', { class: 'order-state', 'data-state': order.state });
      setText(state, t(order.state));
      return el('li', { class: 'order', 'data-id': order.id }, el('span', {}, what), el('b', {}, formatMoney(order.total, language)), state);
    });
    this.orders.replaceChildren(...(rows.length ? [el('h3', {}, t('orders')), el('ul', {}, ...rows)] : []));
  }

  private titleOf(sku: string): string {
    return this.cards.get(sku)?.element.querySelector('.title')?.textContent ?? sku;
  }

  private cardOf(offer: Offer): ProductCard {
    let card = this.cards.get(offer.product.sku);
    if (!card) {
      card = new ProductCard(this.options);
      this.cards.set(offer.product.sku, card);
      this.list.append(card.element);
    }
    return card;
  }
}
