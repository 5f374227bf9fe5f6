import { expect, test } from 'vitest';
import { formatCount, formatMoney } from './money.js';
import { translator } from './strings.js';

test.each([
  [19900, 'CNY', '¥199.00'],
  [1990, 'JPY', '¥1,990'],
  [1234, 'KWD', 'KWD 1.234'],
  [5, 'USD', '$0.05'],
])('%i minor units of %s are %s', (minor, cur, text) => {
  expect(formatMoney({ minor, cur }, 'en').replace(/\u00a0/g, ' ')).toBe(text);
});

test('counts are short', () => {
  expect(formatCount(12481, 'en')).toBe('12.5K');
  expect(formatCount(12481, 'zh-CN')).toBe('1.2万');
});

test('strings take values', () => {
  expect(translator('zh-Hans')('left', { n: 4 })).toBe('剩余 4 件');
  expect(translator('fr')('left', { n: 4 })).toBe('4 left');
});
