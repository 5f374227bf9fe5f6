import { expect, test, vi } from 'vitest';
import { ProductForm, toMinor } from './product-form.js';
import { textFor } from './text.js';

test.each([
  ['199', 'CNY', 19900],
  ['199.5', 'CNY', 19950],
  ['0.07', 'USD', 7],
  ['1990', 'JPY', 1990],
  ['1.234', 'KWD', 1234],
  ['19.9', 'JPY', null],
  ['1.999', 'CNY', null],
  ['-1', 'CNY', null],
  ['1e3', 'CNY', null],
  ['', 'CNY', null],
])('%j in %s is %j minor units', (amount, cur, minor) => {
  expect(toMinor(amount, cur)).toBe(minor);
});

test('sends exact minor units and is empty again when they were taken', async () => {
  const add = vi.fn(() => Promise.resolve(true));
  const { element } = new ProductForm(textFor('en'), add);
  const input = (name: string) => element.querySelector<HTMLInputElement>(`[name=${name}]`)!;
  input('title').value = 'Tea';
  input('sku').value = 'A1';
  input('price').value = '0.29';
  element.dispatchEvent(new Event('submit', { cancelable: true }));
  await Promise.resolve();
  await Promise.resolve();
  expect(add).toHaveBeenCalledWith({ sku: 'A1', title: 'Tea', image: null, price: { minor: 29, cur: 'CNY' }, stock: 100, limit: null });
  expect(input('sku').value).toBe('');
});
