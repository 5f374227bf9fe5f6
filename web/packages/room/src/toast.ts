import type { OrderOutcome } from '@souk/core';
import { config } from './config.js';
import { el } from './dom.js';
import { formatMoney } from './money.js';
import { type Translate, isStringKey } from './strings.js';

/** One line that comes and goes: what became of an order. */
export class Toast {
  readonly element = el('div', { class: 'toast', role: 'status', 'aria-live': 'polite' });
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly t: Translate,
    private readonly language: string,
  ) {}

  destroy(): void {
    clearTimeout(this.timer);
    this.element.remove();
  }

  show(outcome: OrderOutcome): void {
    this.element.textContent = this.textOf(outcome);
    this.element.dataset['kind'] = outcome.kind;
    this.element.dataset['order'] = outcome.kind === 'placed' ? outcome.order.id : '';
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.element.textContent = ''), config.toastMs);
  }

  private textOf(outcome: OrderOutcome): string {
    const { t, language } = this;
    if (outcome.kind === 'unknown') return t('unknown');
    if (outcome.kind === 'placed') {
      const until = new Date(outcome.order.expires_us / 1000);
      const time = until.toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit' });
      return t('placed', { total: formatMoney(outcome.order.total, language), time });
    }
    const price = outcome.problem?.price;
    if (isStringKey(outcome.code)) return t(outcome.code, { price: price ? formatMoney(price, language) : '' });
    return t('failed', { code: outcome.code });
  }
}
