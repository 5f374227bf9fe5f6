import type { Money } from '@souk/protocol';

/** "¥199.00": minor units are shown by the currency's own number of digits (ISO 4217). */
export function formatMoney({ minor, cur }: Money, language: string): string {
  try {
    const format = new Intl.NumberFormat(language, { style: 'currency', currency: cur, currencyDisplay: 'narrowSymbol' });
    return format.format(minor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
  } catch {
    return `${cur} ${minor}`;
  }
}

/** "12.4k" or "1.2万": as short as people read it. */
export function formatCount(n: number, language: string): string {
  return new Intl.NumberFormat(language, { notation: 'compact', maximumFractionDigits: 1 }).format(n);
}
