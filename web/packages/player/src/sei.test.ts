import { expect, test } from 'vitest';
import { readClockSei } from './sei.js';

const uuid = new Uint8Array('736f756b6c694976 85636c6f636b3031'.replace(' ', '').match(/../g)!.map((hex) => parseInt(hex, 16)));
const sei = (text: string, more: object = {}) => ({ type: 5, uuid, user_data: new TextEncoder().encode(text), pts: 2040, ...more });

test('reads position and capture time', () => {
  expect(readClockSei(sei('{"t":1795226035123}'))).toEqual({ atS: 2.04, captureUs: 1_795_226_035_123_000 });
});

test.each([
  ['another type', sei('{"t":1}', { type: 4 })],
  ['another UUID', sei('{"t":1}', { uuid: uuid.map((byte) => byte ^ 1) })],
  ['a short UUID', sei('{"t":1}', { uuid: uuid.slice(1) })],
  ['text that is no time', sei('{"t":"x"}')],
  ['long text', sei(`{"t":1}${' '.repeat(300)}`)],
  ['no position', { type: 5, uuid, user_data: new TextEncoder().encode('{"t":1}') }],
])('passes over %s', (_, message) => {
  expect(readClockSei(message)).toBeNull();
});
