import { type ApiClient, Emitter, Identity, RoomStore, Session, Subscriptions, newSid } from '@souk/core';
import type { Order, State } from '@souk/protocol';

export interface ShopEvents {
  change: null;
}

const ORDERS_MS = 3_000;

/** The host's view of the room: shelf and counts as they are now, without waiting for the picture. */
export class Shop extends Emitter<ShopEvents> {
  readonly store = new RoomStore();
  orders: Order[] = [];
  warnings: readonly string[] = [];
  private readonly identity: Identity;
  private readonly session: Session;
  private readonly subscriptions = new Subscriptions();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly api: ApiClient,
    readonly room: string,
    token: string,
  ) {
    super();
    this.identity = new Identity(room, token, () => api);
    this.session = new Session({ room, api, identity: this.identity, sid: newSid() });
    this.subscriptions.add(
      this.session.on('state', (state) => this.take(state)),
      this.session.on('event', (event) => this.store.apply(event)),
      this.session.on('viewers', (viewers) => {
        this.store.setViewers(viewers);
        this.loadSoon();
      }),
      this.session.on('sold', () => this.loadSoon()),
      this.session.on('event', ({ type }) => (type === 'stock' || type === 'room.live') && this.loadSoon()),
      this.store.on('change', () => this.emit('change', null)),
    );
  }

  start(): void {
    this.session.start();
    void this.load();
  }

  override destroy(): void {
    clearTimeout(this.timer);
    this.subscriptions.destroy();
    this.session.destroy();
    this.identity.destroy();
    this.store.destroy();
    super.destroy();
  }

  /** Pieces, in all orders that still count. */
  get takings(): { cur: string; minor: number }[] {
    const sums = new Map<string, number>();
    for (const { state, total } of this.orders) {
      if (['cancelled', 'expired', 'refunded'].includes(state)) continue;
      sums.set(total.cur, (sums.get(total.cur) ?? 0) + total.minor);
    }
    return [...sums].map(([cur, minor]) => ({ cur, minor }));
  }

  private loadSoon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.load();
    }, ORDERS_MS);
  }

  private take(state: State): void {
    this.warnings = state.warnings ?? [];
    this.store.load(state);
  }

  /** Orders, and the products whose held and sold the events do not tell. */
  private async load(): Promise<void> {
    try {
      const [orders, state] = await Promise.all([this.api.orders(this.room), this.api.state(this.room)]);
      this.orders = orders.items;
      this.take(state);
    } catch {
      // The next event asks again.
    }
  }
}
