import { Subscriptions } from '@souk/core';
import { formatMoney } from '@souk/room/money';
import type { Product } from '@souk/protocol';
import { el } from './dom.js';
import { ProductForm } from './product-form.js';
import type { Shop } from './shop.js';
import type { Text } from './text.js';

/** The shelf: what is there, what is pinned, and a form for the next product. */
export class ShelfPanel {
  readonly element: HTMLElement;
  private readonly list = el('ul', { class: 'products' });
  private readonly empty: HTMLElement;
  private readonly fault = el('p', { class: 'fault', role: 'alert' });
  private readonly subscriptions = new Subscriptions();
  private drawn = '';

  constructor(
    private readonly shop: Shop,
    private readonly t: Text,
    private readonly language: string,
  ) {
    this.empty = el('p', { class: 'none' }, t('noProducts'));
    const form = new ProductForm(t, (product) => this.attempt(() => shop.api.addProduct(shop.room, product)));
    this.element = el('section', { class: 'shelf-panel' }, el('h2', {}, t('products')), this.empty, this.list, this.fault, form.element);
    this.subscriptions.add(shop.on('change', () => this.draw()));
    this.draw();
  }

  destroy(): void {
    this.subscriptions.destroy();
    this.element.remove();
  }

  private draw(): void {
    const { products, pinned } = this.shop.store.view;
    const now = JSON.stringify([[...products.values()], pinned]);
    if (now === this.drawn) return;
    this.drawn = now;
    const focused = (this.element.getRootNode() as Document).activeElement?.closest('li')?.dataset['sku'];
    this.list.replaceChildren(...[...products.values()].map((product) => this.row(product, product.sku === pinned)));
    this.empty.hidden = products.size > 0;
    if (focused) this.list.querySelector<HTMLElement>(`li[data-sku="${CSS.escape(focused)}"] button`)?.focus();
  }

  private row(product: Product, isPinned: boolean): HTMLLIElement {
    const { t, shop } = this;
    const button = el('button', { class: 'button pin', type: 'button', 'aria-pressed': String(isPinned) }, t(isPinned ? 'unpin' : 'pin'));
    button.addEventListener('click', () => {
      button.disabled = true;
      void this.attempt(() => (isPinned ? shop.api.unpin(shop.room) : shop.api.pin(shop.room, product.sku))).then(() => (button.disabled = false));
    });
    const figure = (name: 'left' | 'held' | 'sold') =>
      el('span', { 'data-figure': name }, el('b', {}, String(product[name])), ` ${t(name)}`);
    return el(
      'li',
      { 'data-sku': product.sku, class: isPinned ? 'pinned' : '' },
      el('div', { class: 'what' }, el('strong', {}, product.title), el('small', {}, product.sku)),
      el('span', { class: 'price' }, formatMoney(product.price, this.language)),
      el('p', { class: 'figures' }, figure('left'), figure('held'), figure('sold')),
      button,
    );
  }

  /** True when it worked. */
  private async attempt(action: () => Promise<unknown>): Promise<boolean> {
    this.fault.textContent = '';
    try {
      await action();
      return true;
    } catch (error) {
      this.fault.textContent = this.t.error(error);
      return false;
    }
  }
}
