import type { ProductRequest } from '@souk/protocol';
import { el, field } from './dom.js';
import type { Text } from './text.js';

/** "199.00" to 19900 by the currency's own digits; null when it is not an amount. */
export function toMinor(amount: string, cur: string): number | null {
  if (!/^\d{1,9}(\.\d{1,3})?$/.test(amount)) return null;
  try {
    const digits = new Intl.NumberFormat('en', { style: 'currency', currency: cur }).resolvedOptions().maximumFractionDigits ?? 2;
    const [whole = '', part = ''] = amount.split('.');
    if (part.length > digits) return null;
    return Number(whole + part.padEnd(digits, '0'));
  } catch {
    return null;
  }
}

export class ProductForm {
  readonly element: HTMLFormElement;
  private readonly fields;

  constructor(
    t: Text,
    private readonly add: (product: ProductRequest) => Promise<boolean>,
  ) {
    this.fields = {
      title: field(t('title'), { name: 'title', required: true, maxlength: '200', autocomplete: 'off' }),
      sku: field(t('sku'), { name: 'sku', required: true, pattern: '[A-Za-z0-9_\\-]{1,64}', autocomplete: 'off' }),
      price: field(t('price'), { name: 'price', required: true, inputmode: 'decimal', placeholder: '199.00', autocomplete: 'off' }),
      cur: field(t('currency'), { name: 'cur', required: true, pattern: '[A-Z]{3}', value: 'CNY', maxlength: '3' }),
      stock: field(t('stock'), { name: 'stock', required: true, type: 'number', min: '0', max: '1000000000', value: '100' }),
      image: field(t('image'), { name: 'image', pattern: '(https://|/files/).*', maxlength: '512', autocomplete: 'off' }),
    };
    this.element = el(
      'form',
      { class: 'add' },
      ...Object.values(this.fields).map(({ label }) => label),
      el('button', { class: 'button', type: 'submit' }, t('add')),
    );
    this.fields.price.input.addEventListener('input', () => this.fields.price.input.setCustomValidity(''));
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.submit();
    });
  }

  private async submit(): Promise<void> {
    const { title, sku, price, cur, stock, image } = this.fields;
    const minor = toMinor(price.input.value.trim(), cur.input.value);
    if (minor === null) {
      price.input.setCustomValidity('0.00');
      price.input.reportValidity();
      return;
    }
    const added = await this.add({
      sku: sku.input.value,
      title: title.input.value,
      image: image.input.value || null,
      price: { minor, cur: cur.input.value },
      stock: Number(stock.input.value),
      limit: null,
    });
    if (!added) return;
    for (const { input } of [title, sku, price, image]) input.value = '';
    title.input.focus();
  }
}
