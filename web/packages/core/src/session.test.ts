import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ApiClient } from './api-client.js';
import { Identity } from './identity.js';
import type { SessionStatus } from './session-events.js';
import { Session } from './session.js';
import { FakeSocket, event, installFetch, installSocket, problem, settle, state } from './testing/fake-server.js';

const room = { id: 'demo', title: 'd', access: 'public', state: 'live', epoch: 1, viewers: 0, pinned: null };

describe('Session', () => {
  let identity: Identity;
  let session: Session;
  let statuses: SessionStatus[];
  let told: number[];

  const create = (given: string | null = null) => {
    const api = new ApiClient('http://souk.test', () => identity.token);
    identity = new Identity('demo', given, () => api);
    session = new Session({ room: 'demo', api, identity, sid: 'sid45678' });
    session.on('status', (status) => statuses.push(status));
    session.on('event', ({ seq }) => told.push(seq));
    session.start();
  };

  beforeEach(() => {
    vi.useFakeTimers();
    installSocket();
    installFetch(() => ({ status: 200, body: room }));
    statuses = [];
    told = [];
  });

  afterEach(() => {
    session.destroy();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  test('offers souk.v1, carries the token and names its media session', () => {
    create('secret');
    FakeSocket.last.open(5, 'viewer');
    expect(FakeSocket.last.url).toBe('ws://souk.test/ws/demo?token=secret');
    expect(FakeSocket.last.protocols).toEqual(['souk.v1']);
    expect(FakeSocket.last.of('join')).toEqual([{ sid: 'sid45678' }]);
    expect(statuses.at(-1)).toBe('open');
  });

  test('comes back after a lost connection and resumes where it was', () => {
    create();
    FakeSocket.last.open(5).say('state', state(5)).raw(event('stock', 6, 1, { sku: 'A1', left: 1 }));
    FakeSocket.last.drop();
    vi.advanceTimersByTime(600);
    expect(FakeSocket.all).toHaveLength(2);
    FakeSocket.last.open(8);
    expect(FakeSocket.last.of('join')).toEqual([{ after: 6, sid: 'sid45678' }]);
    FakeSocket.last.raw([7, 8].map((seq) => event('stock', seq, 1, { sku: 'A1', left: 1 })));
    expect(told).toEqual([6, 7, 8]);
  });

  test('waits longer after each failure', () => {
    create();
    for (let tries = 1; tries < 6; tries++) {
      FakeSocket.last.drop();
      vi.advanceTimersByTime(9_000);
    }
    FakeSocket.last.drop();
    vi.advanceTimersByTime(3_900);
    expect(FakeSocket.all).toHaveLength(6);
  });

  test('asks for a hole in the timeline', () => {
    create();
    FakeSocket.last.open(5).say('state', state(5)).raw(event('stock', 9, 1, { sku: 'A1', left: 1 }));
    expect(FakeSocket.last.of('join').at(-1)).toEqual({ after: 5, sid: 'sid45678' });
  });

  test('takes the state of a server that has lost its past', () => {
    const states: number[] = [];
    create();
    session.on('state', ({ seq }) => states.push(seq));
    FakeSocket.last.open(50).say('state', state(50));
    FakeSocket.last.drop();
    vi.advanceTimersByTime(600);
    FakeSocket.last.open(2).say('state', state(2));
    expect(states).toEqual([50, 2]);
  });

  test('stops at close code 4404', () => {
    create();
    FakeSocket.last.open().drop(4404);
    vi.advanceTimersByTime(60_000);
    expect(statuses.at(-1)).toBe('gone');
    expect(FakeSocket.all).toHaveLength(1);
  });

  test('finds out from the room why the handshake failed', async () => {
    installFetch(() => ({ status: 401, body: problem(401, 'bad_token') }));
    create('given');
    FakeSocket.last.drop();
    await settle();
    expect(statuses.at(-1)).toBe('refused');
  });

  test('gives an anonymous session its identity as soon as there is one', async () => {
    installFetch(() => ({ status: 201, body: { token: 'guest-token', sub: 'g', exp: 9e9 } }));
    create();
    FakeSocket.last.open();
    await identity.ensure();
    expect(FakeSocket.last.of('auth')).toEqual([{ token: 'guest-token' }]);
  });

  test('moves to the data channel once the server speaks on it, and back when it closes', () => {
    create();
    FakeSocket.last.open(5).say('state', state(5));
    const socket = FakeSocket.last;
    const channel = Object.assign(new EventTarget(), { readyState: 'open', send: vi.fn() });
    session.useChannel(channel as unknown as RTCDataChannel);
    channel.dispatchEvent(new Event('open'));
    const say = (message: object) => channel.dispatchEvent(new MessageEvent('message', { data: JSON.stringify(message) }));
    say({ v: 1, type: 'hello', data: { session: '02-b', room: 'demo', seq: 5, server_us: 1, role: null } });
    expect(socket.readyState).toBe(3);
    session.send('ping', { t: 1 });
    expect(channel.send).toHaveBeenCalled();
    say(event('stock', 6, 1, { sku: 'A1', left: 1 }));
    expect(told).toEqual([6]);
    channel.dispatchEvent(new Event('close'));
    expect(FakeSocket.all).toHaveLength(2);
  });

  test('replaces a socket that has gone silent', () => {
    create();
    FakeSocket.last.open();
    vi.advanceTimersByTime(70_000);
    expect(FakeSocket.all.length).toBeGreaterThan(1);
  });

  test('says nothing more after destroy', () => {
    create();
    const socket = FakeSocket.last.open();
    session.destroy();
    socket.drop();
    vi.advanceTimersByTime(60_000);
    expect(FakeSocket.all).toHaveLength(1);
  });

  test('tells faults and goes on', () => {
    const faults: string[] = [];
    create();
    session.on('fault', (fault) => faults.push(fault));
    FakeSocket.last.open().raw({ v: 1, type: 'viewers', data: { n: -1 } }).say('viewers', { n: 4 });
    expect(faults).toEqual(['data.n: outside 0..9007199254740991']);
  });
});
