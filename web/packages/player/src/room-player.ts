import { type ApiClient, ApiError, Backoff, Emitter, Subscriptions } from '@souk/core';
import type { Clock, PlayItem } from '@souk/protocol';
import { config } from './config.js';
import type { Engine, EngineOptions } from './engine.js';
import type { PlayerEvents, PlayerStatus } from './events.js';
import { FlvPlayer } from './flv-player.js';
import { HlsPlayer } from './hls-player.js';
import { WhepPlayer } from './whep-player.js';

export interface RoomPlayerOptions {
  room: string;
  api: ApiClient;
  video: HTMLVideoElement;
  sid: string;
  token(): string | null;
  /** Only these kinds, for tests and for `?play=flv`. */
  only?: string | undefined;
}

interface EngineKind {
  isSupported(): boolean;
  create(options: EngineOptions): Engine;
}

const ENGINES: Record<string, EngineKind> = {
  whep: { isSupported: () => WhepPlayer.isSupported(), create: (options) => new WhepPlayer(options) },
  flv: { isSupported: () => FlvPlayer.isSupported(), create: (options) => new FlvPlayer(options) },
  'ws-flv': { isSupported: () => FlvPlayer.isSupported(), create: (options) => new FlvPlayer(options) },
  'll-hls': { isSupported: () => HlsPlayer.isSupported(), create: (options) => new HlsPlayer(options) },
};

/** Shows a room by the best way that works, and goes on to the next when one fails. */
export class RoomPlayer extends Emitter<PlayerEvents> {
  private readonly backoff = new Backoff();
  private readonly subscriptions = new Subscriptions();
  private readonly avoid = new Map<string, number>();
  private engine: Engine | null = null;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private status: PlayerStatus = 'idle';
  private kind = '';
  private wanted = false;
  private unreachable = false;
  private round = 0;

  constructor(private readonly options: RoomPlayerOptions) {
    super();
    this.subscriptions.listen(options.video, 'volumechange', () => this.emit('muted', options.video.muted));
    this.subscriptions.listen(window, 'pagehide', () => this.stop());
    this.subscriptions.listen(window, 'pageshow', (event) => (event as PageTransitionEvent).persisted && this.start());
  }

  /** Plays while the room has a picture; safe to call again. Whoever calls has heard the server: no more waiting for it. */
  start(): void {
    if (this.wanted && !this.unreachable && (this.engine || this.status === 'connecting')) return;
    this.wanted = true;
    this.backoff.reset();
    void this.choose();
  }

  stop(): void {
    this.wanted = false;
    this.drop();
    this.setStatus('idle');
  }

  setClock(clock: Clock): void {
    this.engine?.setClock(clock);
  }

  /** From a gesture: sound on. */
  unmute(): void {
    this.options.video.muted = false;
    void this.play();
  }

  override destroy(): void {
    this.stop();
    this.subscriptions.destroy();
    super.destroy();
  }

  private drop(): void {
    this.round++;
    clearTimeout(this.retry);
    this.engine?.destroy();
    this.engine = null;
  }

  private async choose(): Promise<void> {
    this.drop();
    const round = this.round;
    this.unreachable = false;
    this.setStatus('connecting');
    try {
      const { live, items } = await this.options.api.play(this.options.room);
      if (round !== this.round) return;
      const item = live ? this.best(items) : undefined;
      if (item) this.open(item);
      else this.later(live ? null : 2_000);
    } catch (error) {
      if (round !== this.round) return;
      this.emit('fault', error as Error);
      this.unreachable = !(error instanceof ApiError);
      this.later(error instanceof ApiError ? error.retryAfterMs : null);
    }
  }

  /** The server's ranking, with what has just failed at the end. */
  private best(items: PlayItem[]): PlayItem | undefined {
    const now = performance.now();
    const able = items.filter(({ kind }) => {
      return (!this.options.only || kind === this.options.only) && Object.hasOwn(ENGINES, kind) && ENGINES[kind]?.isSupported();
    });
    const failedAt = ({ kind }: PlayItem) => {
      const at = this.avoid.get(kind);
      return at !== undefined && now - at < config.avoidMs ? at : -1;
    };
    return able.sort((a, b) => failedAt(a) - failedAt(b))[0];
  }

  private open(item: PlayItem): void {
    const { api, video, sid, token } = this.options;
    const url = new URL(api.url(item.url));
    if (item.kind === 'ws-flv') url.protocol = url.protocol.replace('http', 'ws');
    const engine = ENGINES[item.kind]?.create({ video, url: url.toString(), token: token(), sid });
    if (!engine) return;
    this.engine = engine;
    this.kind = item.kind;
    this.emit('kind', item.kind);
    engine.on('attached', () => void this.play());
    engine.on('playing', () => {
      this.backoff.reset();
      this.setStatus('playing');
    });
    engine.on('frame', (frame) => this.emit('frame', frame));
    engine.on('channel', (channel) => this.emit('channel', channel));
    engine.on('failed', (error) => this.onFailed(error));
    engine.start();
  }

  private onFailed(error: Error): void {
    this.emit('fault', error);
    const offline = error instanceof ApiError && error.code === 'not_live';
    const dead = this.status !== 'playing' && !offline;
    if (dead) this.avoid.set(this.kind, performance.now());
    this.setStatus(offline ? 'offline' : 'connecting');
    this.later(error instanceof ApiError ? error.retryAfterMs : null);
  }

  private later(waitMs: number | null): void {
    this.drop();
    if (!this.wanted) return;
    this.retry = setTimeout(() => void this.choose(), Math.max(this.backoff.next(), waitMs ?? 0));
  }

  private async play(): Promise<void> {
    const { video } = this.options;
    try {
      await video.play();
    } catch (error) {
      // Without a gesture browsers play only what is silent. An abort is a newer load, not a refusal.
      if (!(error instanceof DOMException) || error.name !== 'NotAllowedError' || video.muted) return;
      video.muted = true;
      await video.play().catch(() => undefined);
    }
    this.emit('muted', video.muted);
  }

  private setStatus(status: PlayerStatus): void {
    if (this.status === status) return;
    this.status = status;
    this.emit('status', status);
  }
}
