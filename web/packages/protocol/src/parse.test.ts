import { describe, expect, test } from 'vitest';
import { ProtocolError, parseBatch, parseJson, renderMessage } from './index.js';

const viewers = '{"v":1,"type":"viewers","data":{"n":4}}';

describe('parseBatch', () => {
  test('takes one message and an array alike', () => {
    expect(parseBatch(viewers).messages).toHaveLength(1);
    expect(parseBatch(`[${viewers},${viewers}]`).messages).toHaveLength(2);
  });

  test('keeps the good messages of a batch that holds a bad one', () => {
    const batch = parseBatch(`[{"v":1,"type":"viewers","data":{"n":"4"}},${viewers}]`);
    expect(batch.messages).toEqual([{ v: 1, type: 'viewers', data: { n: 4 } }]);
    expect(batch.faults.map(({ member }) => member)).toEqual(['data.n']);
  });

  test('passes over types of later versions', () => {
    expect(parseBatch('{"v":1,"type":"coupon","data":{}}')).toEqual({ messages: [], faults: [] });
  });

  test('keeps the place of events that it cannot read', () => {
    const head = '"v":1,"room":"demo","epoch":1,"id":"0192f3a0-7b1c-7cc1-9e3a-2f1d6a7b8c9d","at_us":1,"err_us":0';
    const batch = parseBatch(`[{${head},"seq":4,"type":"draw.open","data":{}},{${head},"seq":5,"type":"stock","data":{}}]`);
    expect(batch.messages).toMatchObject([
      { type: 'skipped', seq: 4, data: { type: 'draw.open' } },
      { type: 'skipped', seq: 5, data: { type: 'stock' } },
    ]);
    expect(batch.faults.map(({ member }) => member)).toEqual(['data.sku']);
  });

  test('does not mistake members of Object for types', () => {
    expect(parseBatch('{"v":1,"type":"constructor","data":{}}').messages).toEqual([]);
  });

  test.each(['', 'null,', '[', '{"v":1'])('refuses %j', (text) => {
    expect(() => parseBatch(text)).toThrow(ProtocolError);
  });

  test('refuses too many messages', () => {
    expect(() => parseBatch(`[${Array(1001).fill(viewers).join()}]`)).toThrow('too many');
  });

  test('refuses long text before it is parsed', () => {
    expect(() => parseJson('"'.padEnd(65, 'x') + '"', 64)).toThrow('too long');
  });
});

test('a rendered message carries version, type and data', () => {
  expect(JSON.parse(renderMessage('join', { after: 7 }))).toEqual({ v: 1, type: 'join', data: { after: 7 } });
});
