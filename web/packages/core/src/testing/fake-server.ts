import type { TimelineEvent } from '@souk/protocol';
import { vi } from 'vitest';

/** A WebSocket without a network: the test is its server. */
export class FakeSocket {
  static readonly OPEN = 1;
  static all: FakeSocket[] = [];
  readyState = 0;
  readonly sent: { type: string; data: Record<string, unknown> }[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {
    FakeSocket.all.push(this);
  }

  static get last(): FakeSocket {
    const socket = FakeSocket.all.at(-1);
    if (!socket) throw new Error('no socket was opened');
    return socket;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as FakeSocket['sent'][number]);
  }

  close(): void {
    this.readyState = 3;
  }

  open(seq = 0, role: string | null = null): this {
    this.readyState = FakeSocket.OPEN;
    this.onopen?.();
    return this.say('hello', { session: '01-a', room: 'demo', seq, server_us: Date.now() * 1000, role });
  }

  say(type: string, data: object): this {
    return this.raw({ v: 1, type, data });
  }

  raw(message: unknown): this {
    this.onmessage?.({ data: JSON.stringify(message) });
    return this;
  }

  drop(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }

  of(type: string): Record<string, unknown>[] {
    return this.sent.filter((message) => message.type === type).map(({ data }) => data);
  }
}

export function installSocket(): void {
  FakeSocket.all = [];
  vi.stubGlobal('WebSocket', FakeSocket);
}

export interface Call {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: unknown;
}

type Reply = { status: number; body?: unknown; headers?: Record<string, string> } | 'down';

/** fetch() answered by a function of the test; returns what was asked. */
export function installFetch(answer: (call: Call) => Reply): Call[] {
  const calls: Call[] = [];
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    const body = typeof init.body === 'string' && init.body.startsWith('{') ? (JSON.parse(init.body) as unknown) : init.body;
    const { pathname, search } = new URL(url);
    const call = { method: init.method ?? 'GET', path: pathname + search, headers: init.headers as Record<string, string>, body };
    calls.push(call);
    const reply = answer(call);
    if (reply === 'down') return Promise.reject(new TypeError('fetch failed'));
    const text = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body ?? null);
    return Promise.resolve({
      ok: reply.status < 400,
      status: reply.status,
      headers: new Headers(reply.headers),
      text: () => Promise.resolve(text),
    });
  });
  return calls;
}

export const problem = (status: number, code: string) => ({ type: 'about:blank', title: 't', status, code });

export const UUID = '0192f3a0-7b1c-7cc1-9e3a-2f1d6a7b8c9d';

export const product = (sku: string, more: object = {}) => ({
  sku,
  title: `Product ${sku}`,
  image: null,
  price: { minor: 19900, cur: 'CNY', rev: 7 },
  stock: 100,
  limit: null,
  left: 90,
  allotted: 0,
  held: 4,
  sold: 6,
  ...more,
});

export const state = (seq: number, more: object = {}) => ({
  seq,
  state: 'live' as const,
  pinned: null,
  pinned_at_us: null,
  products: [product('A1')],
  sales: [],
  viewers: 3,
  ...more,
});

export function event<T extends TimelineEvent['type']>(type: T, seq: number, at_us: number, data: object): TimelineEvent {
  return { v: 1, type, room: 'demo', epoch: 1, seq, id: UUID, at_us, err_us: 0, data } as unknown as TimelineEvent;
}

export const order = (more: object = {}) => ({
  id: UUID,
  room: 'demo',
  state: 'reserved',
  items: [{ sku: 'A1', qty: 1, price: { minor: 19900, cur: 'CNY', rev: 7 } }],
  total: { minor: 19900, cur: 'CNY' },
  shown_us: null,
  at_us: 1,
  expires_us: 2,
  ...more,
});

export class MemoryStore {
  readonly items = new Map<string, string>();
  getItem = (name: string) => this.items.get(name) ?? null;
  setItem = (name: string, value: string) => void this.items.set(name, value);
  removeItem = (name: string) => void this.items.delete(name);
}

/** Lets promises that are due run, without time. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
