import type { Offer, OrderOutcome } from '@souk/core';
import { config } from './config.js';
import { el, setAttribute, setText } from './dom.js';
import { formatMoney } from './money.js';
import type { Translate } from './strings.js';

export interface CardOptions {
  t: Translate;
  language: string;
  buy(offer: Offer): Promise<OrderOutcome>;
}

/** One product with its price, what is left and the button; for the pin and for the shelf. */
export class ProductCard {
  readonly element: HTMLElement;
  private readonly image = el('div', { class: 'image', 'aria-hidden': 'true' });
  private readonly tag = el('span', { class: 'tag' });
  private readonly title = el('h2', { class: 'title' });
  private readonly price = el('strong', { class: 'price' });
  private readonly before = el('s', { class: 'before' });
  private readonly left = el('span', { class: 'left' });
  private readonly button = el('button', { class: 'buy', type: 'button' });
  private offer: Offer | null = null;
  private busy: 'no' | 'ordering' | 'done' = 'no';
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: CardOptions) {
    const text = el('div', { class: 'text' }, this.tag, this.title, el('p', { class: 'cost' }, this.price, this.before), this.left);
    this.element = el('article', { class: 'card' }, this.image, text, this.button);
    this.button.addEventListener('click', () => void this.press());
  }

  destroy(): void {
    clearTimeout(this.timer);
    this.element.remove();
  }

  update(offer: Offer, isPinned: boolean): void {
    const { t, language } = this.options;
    const { product, price, left, sale } = offer;
    if (this.offer?.product.sku !== product.sku) this.busy = 'no';
    this.offer = offer;
    this.element.dataset['sku'] = product.sku;
    this.element.dataset['rev'] = String(price.rev);
    setAttribute(this.element, 'data-pinned', isPinned);
    this.showImage(product.image, product.title);
    setText(this.tag, sale ? t('sale') : isPinned ? t('pinned') : '');
    this.tag.hidden = !sale && !isPinned;
    setText(this.title, product.title);
    setText(this.price, formatMoney(price, language));
    setText(this.before, sale ? formatMoney(product.price, language) : '');
    this.before.hidden = !sale;
    setText(this.left, left === 0 ? t('soldOut') : t(left <= config.fewLeft ? 'fewLeft' : 'left', { n: left }));
    setAttribute(this.left, 'data-few', left <= config.fewLeft);
    this.showButton();
  }

  private showImage(url: string | null, title: string): void {
    const name = url ?? title.slice(0, 1);
    if (this.image.dataset['of'] === name) return;
    this.image.dataset['of'] = name;
    const initial = el('span', { class: 'initial' }, Array.from(title)[0] ?? '');
    this.image.replaceChildren(initial);
    if (!url) return;
    const picture = el('img', { src: url, alt: '', decoding: 'async' });
    picture.addEventListener('error', () => picture.remove());
    this.image.append(picture);
  }

  private showButton(): void {
    const { t } = this.options;
    const soldOut = this.offer?.left === 0 && this.busy === 'no';
    const text = soldOut ? 'soldOut' : this.busy === 'ordering' ? 'buying' : this.busy === 'done' ? 'bought' : 'buy';
    setText(this.button, t(text));
    this.button.disabled = soldOut || this.busy === 'ordering';
    this.button.dataset['busy'] = this.busy;
    setAttribute(this.button, 'aria-label', `${t(text)}: ${this.offer?.product.title ?? ''}`);
  }

  private async press(): Promise<void> {
    const offer = this.offer;
    if (!offer || this.busy === 'ordering') return;
    clearTimeout(this.timer);
    this.set('ordering');
    const outcome = await this.options.buy(offer);
    this.set(outcome.kind === 'placed' ? 'done' : 'no');
    this.timer = setTimeout(() => this.set('no'), config.doneMs);
  }

  private set(busy: 'no' | 'ordering' | 'done'): void {
    this.busy = busy;
    this.showButton();
  }
}
