import { type ApiClient, ApiError, Backoff, Emitter } from '@souk/core';
import { type PublishStats, type Source, WhipPublisher, capture, release } from '@souk/publisher';

export type AirState = 'off' | 'connecting' | 'live' | 'reconnecting';

export interface BroadcastEvents {
  state: AirState;
  stream: MediaStream | null;
  stats: PublishStats;
  error: unknown;
}

/** The host's way to the air: picture, WHIP session, and a new session when one is lost. */
export class Broadcast extends Emitter<BroadcastEvents> {
  private readonly backoff = new Backoff(500, 4_000);
  private stream: MediaStream | null = null;
  private publisher: WhipPublisher | null = null;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private current: AirState = 'off';

  constructor(
    private readonly api: ApiClient,
    private readonly room: string,
    private readonly token: string,
  ) {
    super();
  }

  get state(): AirState {
    return this.current;
  }

  override destroy(): void {
    this.stop();
    release(this.stream);
    super.destroy();
  }

  /** Takes the picture from another source; on air the viewers just see it change. */
  async show(source: Source): Promise<void> {
    const stream = await capture(source);
    const old = this.stream;
    this.stream = stream;
    this.emit('stream', stream);
    await this.publisher?.replace(stream);
    release(old);
    // The browser's own "stop sharing" ends the show as well.
    stream.getVideoTracks()[0]?.addEventListener('ended', () => this.stream === stream && this.stop());
  }

  async start(source: Source): Promise<void> {
    if (this.current !== 'off') return;
    this.set('connecting');
    try {
      if (!this.stream?.active) await this.show(source);
      this.publish();
    } catch (error) {
      this.set('off');
      throw error;
    }
  }

  stop(): void {
    clearTimeout(this.retry);
    this.publisher?.destroy();
    this.publisher = null;
    this.set('off');
  }

  private publish(): void {
    const { stream } = this;
    if (!stream || this.current === 'off') return;
    const publisher = new WhipPublisher({ url: this.api.url(`/whip/${this.room}`), token: this.token, stream });
    this.publisher = publisher;
    publisher.on('live', () => {
      this.backoff.reset();
      this.set('live');
    });
    publisher.on('stats', (stats) => this.emit('stats', stats));
    publisher.on('failed', (error) => this.onFailed(error));
    publisher.start();
  }

  private onFailed(error: Error): void {
    this.publisher = null;
    const final = error instanceof ApiError && error.status < 500 && error.status !== 429;
    if (final) {
      this.set('off');
      this.emit('error', error);
      return;
    }
    this.set('reconnecting');
    this.retry = setTimeout(() => this.publish(), this.backoff.next());
  }

  private set(state: AirState): void {
    if (this.current === state) return;
    this.current = state;
    this.emit('state', state);
  }
}
