import { afterEach, describe, expect, test, vi } from 'vitest';
import { ApiClient } from './api-client.js';
import { Identity } from './identity.js';
import { MemoryStore, installFetch } from './testing/fake-server.js';

const api = () => new ApiClient('http://souk.test');
const NAME = 'souk.guest.demo';

describe('Identity', () => {
  afterEach(() => vi.unstubAllGlobals());

  test('asks for one guest token however many need it', async () => {
    const calls = installFetch(() => ({ status: 201, body: { token: 't', sub: 's', exp: 9e9 } }));
    const store = new MemoryStore();
    const identity = new Identity('demo', null, api, store);
    expect(await Promise.all([identity.ensure(), identity.ensure()])).toEqual(['t', 't']);
    expect(calls).toHaveLength(1);
    expect(new Identity('demo', null, api, store).token).toBe('t');
  });

  test('lets go of a token that is about to expire', () => {
    const store = new MemoryStore();
    store.setItem(NAME, JSON.stringify({ token: 't', exp: 1000 }));
    expect(new Identity('demo', null, api, store, () => 900_000).token).toBe('t');
    expect(new Identity('demo', null, api, store, () => 950_000).token).toBeNull();
  });

  test('never exchanges a given token for a guest', () => {
    const identity = new Identity('demo', 'given', api, new MemoryStore());
    identity.refuse('given');
    expect(identity.token).toBe('given');
  });

  test.each(['', '{', '[]', '{"token":1,"exp":2}'])('passes over a spoilt memory %j', (text) => {
    const store = new MemoryStore();
    store.setItem(NAME, text);
    expect(new Identity('demo', null, api, store).token).toBeNull();
  });
});
