import { type Order, type OrderRequest, type Problem, ProtocolError, model } from '@souk/protocol';
import type { ApiClient } from './api-client.js';
import { config } from './config.js';
import { ApiError, isTransient } from './errors.js';
import { Backoff } from './backoff.js';
import type { Identity, KeyValueStore } from './identity.js';
import type { Session } from './session.js';

export type OrderOutcome =
  | { kind: 'placed'; order: Order }
  | { kind: 'refused'; status: number; code: string; problem: Problem | null }
  /** Patience is over and nobody knows: the order is kept and repeated on the next visit. */
  | { kind: 'unknown' };

interface Pending {
  key: string;
  order: OrderRequest;
}

const PENDING_MAX = 16;

/**
 * Places orders so that pressing once buys once: each carries a key, is written down before it is sent,
 * and is repeated under the same key until its outcome is known.
 */
export class OrderDesk {
  private readonly waiting = new Map<string, (outcome: OrderOutcome | null) => void>();
  private readonly end: () => void;
  private ended = false;

  constructor(
    private readonly room: string,
    private readonly api: ApiClient,
    private readonly session: Session,
    private readonly identity: Identity,
    private readonly store: KeyValueStore | null,
  ) {
    this.end = session.on('result', ({ key, status, body }) => this.waiting.get(key)?.(outcomeOf(status, body)));
  }

  destroy(): void {
    this.ended = true;
    this.end();
    for (const settle of [...this.waiting.values()]) settle(null);
  }

  place(order: OrderRequest): Promise<OrderOutcome> {
    return this.run({ key: newKey(), order });
  }

  /** Orders whose outcome was not known when the page went away. */
  async resume(): Promise<OrderOutcome[]> {
    return Promise.all(this.load().map((pending) => this.run(pending)));
  }

  private async run(pending: Pending): Promise<OrderOutcome> {
    this.save([...this.load().filter(({ key }) => key !== pending.key), pending].slice(-PENDING_MAX));
    const outcome = await this.insist(pending);
    if (outcome.kind !== 'unknown') this.save(this.load().filter(({ key }) => key !== pending.key));
    return outcome;
  }

  private async insist(pending: Pending): Promise<OrderOutcome> {
    const until = performance.now() + config.orderPatienceMs;
    const backoff = new Backoff();
    let renewed = false;
    for (;;) {
      try {
        await this.identity.ensure();
        const live = await this.overSession(pending);
        if (live && !isUnsettled(live)) return live;
        return await this.overHttp(pending);
      } catch (error) {
        if (error instanceof ApiError && error.status === 401 && !renewed && !this.identity.isGiven) {
          renewed = true;
          this.identity.refuse(this.identity.token ?? '');
          continue;
        }
        if (!isTransient(error)) return refusedBy(error);
        const wait = Math.max(backoff.next(), (error instanceof ApiError && error.retryAfterMs) || 0);
        if (this.ended || performance.now() + wait > until) {
          return error instanceof ApiError && error.status === 429 ? refusedBy(error) : { kind: 'unknown' };
        }
        await new Promise((done) => setTimeout(done, wait));
      }
    }
  }

  private async overHttp({ key, order }: Pending): Promise<OrderOutcome> {
    return { kind: 'placed', order: await this.api.placeOrder(this.room, key, order) };
  }

  /** Null when there is no live connection or no answer came over it. */
  private overSession({ key, order }: Pending): Promise<OrderOutcome | null> {
    if (!this.session.send('order.place', { key, ...order })) return Promise.resolve(null);
    return new Promise((resolve) => {
      const settle = (outcome: OrderOutcome | null) => {
        clearTimeout(timer);
        this.waiting.delete(key);
        resolve(outcome);
      };
      const timer = setTimeout(() => settle(null), config.orderReplyMs);
      this.waiting.set(key, settle);
    });
  }

  private get name(): string {
    return `souk.orders.${this.room}`;
  }

  private load(): Pending[] {
    try {
      const kept = JSON.parse(this.store?.getItem(this.name) ?? '[]') as unknown[];
      return kept.map((item) => {
        const { key, order } = item as Partial<Pending>;
        return { key: model.key(key, 'key'), order: model.orderRequest(order, 'order') };
      });
    } catch {
      return [];
    }
  }

  private save(pending: Pending[]): void {
    if (pending.length) this.store?.setItem(this.name, JSON.stringify(pending));
    else this.store?.removeItem(this.name);
  }
}

function newKey(): string {
  // randomUUID() exists in secure contexts only; a phone on a plain LAN address has none.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function outcomeOf(status: number, body: Record<string, unknown>): OrderOutcome | null {
  try {
    if (status < 300) return { kind: 'placed', order: model.order(body, 'body') };
    const problem = model.problem(body, 'body');
    return { kind: 'refused', status, code: problem.code, problem };
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}

/** Answers that HTTP may still turn into better ones: a session that knew no identity yet, a full server. */
function isUnsettled(outcome: OrderOutcome): boolean {
  return outcome.kind === 'refused' && (outcome.status === 401 || outcome.status === 429 || outcome.status >= 500);
}

function refusedBy(error: unknown): OrderOutcome {
  if (error instanceof ApiError) return { kind: 'refused', status: error.status, code: error.code, problem: error.problem };
  throw error;
}
