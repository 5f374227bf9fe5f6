import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ApiClient } from './api-client.js';
import { Identity } from './identity.js';
import { OrderDesk } from './order-desk.js';
import { Session } from './session.js';
import { type Call, FakeSocket, MemoryStore, installFetch, installSocket, order, problem, settle } from './testing/fake-server.js';

const wanted = { sku: 'A1', qty: 1, price_rev: 7 };

describe('OrderDesk', () => {
  let store: MemoryStore;
  let identity: Identity;
  let session: Session;
  let desk: OrderDesk;

  const create = (given: string | null = 'token') => {
    const api = new ApiClient('http://souk.test', () => identity.token);
    identity = new Identity('demo', given, () => api, store);
    session = new Session({ room: 'demo', api, identity, sid: 'sid45678' });
    desk = new OrderDesk('demo', api, session, identity, store);
  };
  const placed = (calls: Call[]) => calls.filter(({ path }) => path.endsWith('/orders'));

  beforeEach(() => {
    vi.useFakeTimers();
    installSocket();
    store = new MemoryStore();
  });

  afterEach(() => {
    desk.destroy();
    session.destroy();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  test('goes over HTTP with its key when there is no live connection', async () => {
    const calls = installFetch(() => ({ status: 201, body: order() }));
    create();
    expect((await desk.place(wanted)).kind).toBe('placed');
    expect(placed(calls)[0]?.headers).toMatchObject({ Authorization: 'Bearer token', 'Idempotency-Key': expect.stringMatching(/^[!-~]{1,64}$/) as string });
    expect(placed(calls)[0]?.body).toEqual(wanted);
    expect(store.items.size).toBe(0);
  });

  test('goes over the live connection and takes its answer there', async () => {
    const calls = installFetch(() => 'down');
    create();
    session.start();
    FakeSocket.last.open(0, 'viewer');
    const outcome = desk.place(wanted);
    await settle();
    const [sent] = FakeSocket.last.of('order.place');
    expect(sent).toMatchObject(wanted);
    FakeSocket.last.say('order.result', { key: sent?.['key'], status: 409, body: { ...problem(409, 'sold_out'), sku: 'A1', left: 0 } });
    expect(await outcome).toMatchObject({ kind: 'refused', status: 409, code: 'sold_out' });
    expect(placed(calls)).toEqual([]);
  });

  test('repeats under the same key over HTTP when no answer comes', async () => {
    const calls = installFetch(() => ({ status: 201, body: order() }));
    create();
    session.start();
    FakeSocket.last.open(0, 'viewer');
    const outcome = desk.place(wanted);
    await settle();
    await vi.advanceTimersByTimeAsync(4_100);
    expect((await outcome).kind).toBe('placed');
    expect(placed(calls)[0]?.headers['Idempotency-Key']).toBe(FakeSocket.last.of('order.place')[0]?.['key']);
  });

  test('insists with one key while the server is away', async () => {
    let tries = 0;
    const calls = installFetch(() => (++tries < 4 ? (tries % 2 ? 'down' : { status: 503, body: problem(503, 'store_unavailable') }) : { status: 201, body: order() }));
    create();
    const outcome = desk.place(wanted);
    await vi.advanceTimersByTimeAsync(20_000);
    expect((await outcome).kind).toBe('placed');
    expect(new Set(placed(calls).map(({ headers }) => headers['Idempotency-Key'])).size).toBe(1);
    expect(placed(calls)).toHaveLength(4);
  });

  test('does not repeat what was refused', async () => {
    const calls = installFetch(() => ({ status: 409, body: problem(409, 'limit_reached') }));
    create();
    expect(await desk.place(wanted)).toMatchObject({ kind: 'refused', code: 'limit_reached' });
    expect(placed(calls)).toHaveLength(1);
  });

  test('gives each press a key of its own', async () => {
    const calls = installFetch(() => ({ status: 201, body: order() }));
    create();
    await Promise.all([desk.place(wanted), desk.place(wanted)]);
    expect(new Set(placed(calls).map(({ headers }) => headers['Idempotency-Key'])).size).toBe(2);
  });

  test('keeps an order of unknown outcome and settles it on the next visit', async () => {
    const first = installFetch(() => 'down');
    create();
    const outcome = desk.place(wanted);
    await vi.advanceTimersByTimeAsync(60_000);
    expect((await outcome).kind).toBe('unknown');
    const key = placed(first)[0]?.headers['Idempotency-Key'];
    desk.destroy();
    session.destroy();
    const second = installFetch(() => ({ status: 201, body: order() }));
    create();
    expect(await desk.resume()).toMatchObject([{ kind: 'placed' }]);
    expect(placed(second)[0]?.headers['Idempotency-Key']).toBe(key);
    expect(await desk.resume()).toEqual([]);
  });

  test('becomes a new guest once when the guest token is refused', async () => {
    store.setItem('souk.guest.demo', JSON.stringify({ token: 'old', exp: 9e9 }));
    const calls = installFetch(({ path, headers }) => {
      if (path === '/api/guest') return { status: 201, body: { token: 'new', sub: 'g', exp: 9e9 } };
      return headers['Authorization'] === 'Bearer new' ? { status: 201, body: order() } : { status: 401, body: problem(401, 'bad_token') };
    });
    create(null);
    expect((await desk.place(wanted)).kind).toBe('placed');
    expect(calls.map(({ path }) => path)).toEqual(['/api/rooms/demo/orders', '/api/guest', '/api/rooms/demo/orders']);
  });

  test('passes over a spoilt memory', async () => {
    installFetch(() => 'down');
    store.setItem('souk.orders.demo', '[{"key":7}]');
    create();
    expect(await desk.resume()).toEqual([]);
  });
});
