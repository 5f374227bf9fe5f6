import { afterEach, describe, expect, test, vi } from 'vitest';
import { ApiClient } from './api-client.js';
import { ApiError, NetworkError, isTransient } from './errors.js';
import { SdpExchange } from './sdp-exchange.js';
import { installFetch, problem, product } from './testing/fake-server.js';

describe('ApiClient', () => {
  afterEach(() => vi.unstubAllGlobals());
  const api = new ApiClient('http://souk.test', () => 'tok');

  test('sends the token and reads the answer', async () => {
    const calls = installFetch(() => ({ status: 201, body: product('A1') }));
    const made = await api.addProduct('demo', { sku: 'A1', title: 'T', image: null, price: { minor: 1, cur: 'CNY' }, stock: 1, limit: null });
    expect(made.price.rev).toBe(7);
    expect(calls[0]).toMatchObject({ method: 'POST', path: '/api/rooms/demo/products', headers: { Authorization: 'Bearer tok', 'Content-Type': 'application/json' } });
  });

  test('turns a problem into an ApiError', async () => {
    installFetch(() => ({ status: 503, body: problem(503, 'overloaded'), headers: { 'Retry-After': '2' } }));
    const error = await api.room('demo').catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 503, code: 'overloaded', retryAfterMs: 2000 });
    expect(isTransient(error)).toBe(true);
  });

  test('survives an error that is not a problem', async () => {
    installFetch(() => ({ status: 502, body: '<html>bad gateway' }));
    await expect(api.room('demo')).rejects.toMatchObject({ status: 502, code: 'unknown' });
  });

  test.each([['down' as const], [{ status: 200, body: '{"id":1}' }], [{ status: 200, body: 'x' }]])('an outcome is unknown after %j', async (reply) => {
    installFetch(() => reply);
    await expect(api.room('demo')).rejects.toBeInstanceOf(NetworkError);
  });

  test('resolves paths and whole addresses alike', () => {
    expect(api.url('/live/demo.flv')).toBe('http://souk.test/live/demo.flv');
    expect(api.url('https://cdn.test/x.flv')).toBe('https://cdn.test/x.flv');
  });
});

describe('SdpExchange', () => {
  afterEach(() => vi.unstubAllGlobals());

  test('posts an offer and ends the session at its Location', async () => {
    const calls = installFetch(() => ({ status: 201, body: 'v=0 answer', headers: { Location: '/whep/demo/03-x' } }));
    const exchange = await SdpExchange.post('http://souk.test/whep/demo', 'v=0 offer', 'tok');
    expect(exchange.answer).toBe('v=0 answer');
    await exchange.end();
    expect(calls.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /whep/demo', 'DELETE /whep/demo/03-x']);
    expect(calls[0]?.headers).toMatchObject({ 'Content-Type': 'application/sdp' });
  });
});
