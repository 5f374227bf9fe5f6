// @vitest-environment node
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import Ajv2020 from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { type Check, ProtocolError, clientMessage, model, parseBatch, serverMessage } from './index.js';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const golden = `${root}tests/data/golden/`;
const schemas = `${root}docs/schema/`;

interface Vector {
  file: string;
  schema: string;
  valid: boolean;
  member?: string;
  judge?: string;
}
const vectors = JSON.parse(readFileSync(`${golden}index.json`, 'utf8')) as Vector[];

const ajv = new Ajv2020({ strict: false });
for (const file of readdirSync(schemas)) ajv.addSchema(JSON.parse(readFileSync(schemas + file, 'utf8')) as object);

const bodies: Record<string, Check<unknown>> = {
  'room-request': model.roomRequest,
  room: model.room,
  'product-request': model.productRequest,
  'product-patch': model.productPatch,
  product: model.product,
  'pin-request': model.pinRequest,
  'sale-request': model.saleRequest,
  sale: model.sale,
  'order-request': model.orderRequest,
  order: model.order,
  problem: model.problem,
  'guest-request': model.guestRequest,
  guest: model.guest,
  play: model.play,
  state: model.state,
  clock: model.clock,
  list: model.list(model.product),
};
const clientTypes = ['join', 'order.place', 'chat.send', 'like', 'track', 'auth', 'ping'];

function batch(text: string): void {
  const { faults } = parseBatch(text);
  if (faults[0]) throw faults[0];
}

function read(kind: string, text: string): unknown {
  if (kind === 'live-batch') return batch(text);
  const value = JSON.parse(text) as unknown;
  if (!kind.startsWith('live-')) return (bodies[kind] as Check<unknown>)(value, '');
  const message = clientTypes.includes(kind.slice(5)) ? clientMessage(value) : serverMessage(value);
  expect(message, 'a known type').not.toBeNull();
  return message;
}

describe('golden vectors', () => {
  for (const vector of vectors.filter(({ judge }) => judge !== 'server')) {
    const kind = vector.schema.replace('.schema.json', '');
    const text = readFileSync(golden + vector.file, 'utf8');

    test(`${vector.file} is ${vector.valid ? 'taken' : 'refused'}`, () => {
      if (vector.valid) {
        read(kind, text);
        return;
      }
      let fault: unknown;
      try {
        read(kind, text);
      } catch (error) {
        fault = error;
      }
      expect(fault).toBeInstanceOf(ProtocolError);
      if (vector.member !== undefined) expect((fault as ProtocolError).member).toBe(vector.member);
    });

    test(`${vector.file} and its schema agree`, () => {
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        expect(vector.valid).toBe(false);
        return;
      }
      const validate = ajv.getSchema(`https://souk.example/schema/${vector.schema}`);
      expect(validate?.(value), JSON.stringify(validate?.errors)).toBe(vector.valid);
    });
  }

  test('every file stands in the index', () => {
    const files = readdirSync(golden).filter((name) => name.endsWith('.json') && name !== 'index.json');
    expect(files.sort()).toEqual(vectors.map(({ file }) => file).sort());
  });
});
