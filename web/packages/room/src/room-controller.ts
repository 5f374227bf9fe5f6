import {
  ApiClient,
  ApiError,
  Emitter,
  EventScheduler,
  Identity,
  type KeyValueStore,
  type Offer,
  OrderDesk,
  type OrderOutcome,
  RoomStore,
  Session,
  type SessionStatus,
  Subscriptions,
  newSid,
} from '@souk/core';
import { type PlayerStatus, RoomPlayer, type ShownFrame } from '@souk/player';
import type { Order, State } from '@souk/protocol';
import { config } from './config.js';

export interface RoomOptions {
  room: string;
  base: string;
  token: string | null;
  only?: string | undefined;
  store: KeyValueStore | null;
  video: HTMLVideoElement;
}

export interface RoomEvents {
  /** Something of store, session or player has changed: draw again. */
  change: null;
  title: string;
  frame: ShownFrame;
  muted: boolean;
  order: OrderOutcome;
  orders: Order[];
}

/** Joins connection, timeline, picture and orders of one room; knows no element but the video. */
export class RoomController extends Emitter<RoomEvents> {
  readonly store = new RoomStore();
  session: SessionStatus = 'connecting';
  player: PlayerStatus = 'idle';
  kind = '';
  private readonly identity: Identity;
  private readonly api: ApiClient;
  private readonly live: Session;
  private readonly scheduler: EventScheduler;
  private readonly desk: OrderDesk;
  private readonly picture: RoomPlayer;
  private readonly subscriptions = new Subscriptions();

  constructor(private readonly options: RoomOptions) {
    super();
    const { room, base, token, video, only } = options;
    const sid = newSid();
    this.identity = new Identity(room, token, () => this.api, options.store);
    this.api = new ApiClient(base, () => this.identity.token);
    this.live = new Session({ room, api: this.api, identity: this.identity, sid });
    this.desk = new OrderDesk(room, this.api, this.live, this.identity, options.store);
    this.scheduler = new EventScheduler({
      apply: (event) => this.store.apply(event),
      serverNowUs: () => this.live.serverClock.nowUs(),
    });
    this.picture = new RoomPlayer({ room, api: this.api, video, sid, only, token: () => this.identity.token });
    this.connect();
  }

  start(): void {
    this.live.start();
    this.picture.start();
    this.api.room(this.options.room).then(
      ({ title }) => this.emit('title', title),
      (error: unknown) => {
        // A kept guest token of another life of the server: be a new guest.
        if (error instanceof ApiError && error.status === 401) this.identity.refuse(this.identity.token ?? '');
      },
    );
    void this.desk.resume().then((outcomes) => outcomes.forEach((outcome) => this.emit('order', outcome)));
    void this.loadOrders();
  }

  override destroy(): void {
    this.subscriptions.destroy();
    this.desk.destroy();
    this.picture.destroy();
    this.scheduler.destroy();
    this.live.destroy();
    this.identity.destroy();
    this.store.destroy();
    super.destroy();
  }

  unmute(): void {
    this.picture.unmute();
  }

  /** Buys what is on screen at the price on screen. */
  async buy({ product, price }: Offer): Promise<OrderOutcome> {
    const shown = this.scheduler.captureUs;
    const outcome = await this.desk.place({
      sku: product.sku,
      qty: config.qty,
      price_rev: price.rev,
      ...(shown === null ? {} : { shown_us: shown }),
    });
    this.emit('order', outcome);
    if (outcome.kind === 'placed') void this.loadOrders();
    return outcome;
  }

  private connect(): void {
    const { live, picture, scheduler, store } = this;
    this.subscriptions.add(
      live.on('state', (state) => this.onState(state)),
      live.on('event', (event) => {
        scheduler.push(event);
        if (event.type === 'room.live') picture.start();
        if (event.type === 'room.ended') picture.stop();
      }),
      live.on('viewers', (viewers) => store.setViewers(viewers)),
      live.on('clock', ({ clock }) => picture.setClock(clock)),
      live.on('status', (status) => {
        this.session = status;
        this.emit('change', null);
      }),
      picture.on('channel', (channel) => live.useChannel(channel)),
      picture.on('frame', (frame) => {
        this.emit('frame', frame);
        if (frame.captureUs !== null) scheduler.frame(frame.captureUs, frame.errUs);
      }),
      picture.on('status', (status) => {
        this.player = status;
        this.emit('change', null);
      }),
      picture.on('kind', (kind) => (this.kind = kind)),
      picture.on('muted', (muted) => this.emit('muted', muted)),
      store.on('change', () => this.emit('change', null)),
    );
  }

  private onState(state: State): void {
    this.scheduler.forget(state.seq);
    this.store.load(state);
    if (state.state === 'live' || state.state === 'lost') this.picture.start();
    else this.picture.stop();
  }

  private async loadOrders(): Promise<void> {
    if (!this.identity.token) return;
    try {
      this.emit('orders', (await this.api.orders(this.options.room)).items);
    } catch {
      // The list is a convenience; the order itself is with the server.
    }
  }
}
