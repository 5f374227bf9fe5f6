import type { Clock } from '@souk/protocol';
import type Mpegts from 'mpegts.js';
import { MediaClock } from './capture-clock.js';
import { config } from './config.js';
import { Engine } from './engine.js';
import { PlayerError } from './errors.js';
import { type PresentedFrame, watchFrames } from './frame-watcher.js';
import { type SeiMessage, readClockSei } from './sei.js';

/** HTTP-FLV (or FLV over WebSocket) through mpegts.js and Media Source Extensions. */
export class FlvPlayer extends Engine {
  private readonly clock = new MediaClock();
  private player: Mpegts.Player | null = null;
  private unwatch: (() => void) | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private watch: ReturnType<typeof setInterval> | undefined;
  private ended = false;
  private hasFrame = false;
  private movedAt = 0;
  private lastPosition = -1;
  private stallsS = 0;
  private readonly onWaiting = () => {
    // Not what comes before the first picture, or by a jump.
    if (this.hasFrame && !this.options.video.seeking) this.stallsS = Math.min(config.flvStallsS, this.stallsS + config.flvStallS);
  };

  static isSupported(): boolean {
    return typeof MediaSource === 'function' && MediaSource.isTypeSupported('video/mp4; codecs="avc1.42E01E,mp4a.40.2"');
  }

  start(): void {
    this.timer = setTimeout(() => this.fail(new PlayerError('timeout', 'no picture by FLV')), config.firstFrameMs);
    this.open().catch((error: unknown) => this.fail(error instanceof Error ? error : new Error(String(error))));
  }

  setClock(clock: Clock): void {
    this.clock.set(clock);
  }

  override destroy(): void {
    super.destroy();
    this.ended = true;
    clearTimeout(this.timer);
    clearInterval(this.watch);
    this.unwatch?.();
    this.player?.destroy();
    this.player = null;
    this.options.video.removeEventListener('waiting', this.onWaiting);
    this.options.video.playbackRate = 1;
  }

  private async open(): Promise<void> {
    // Loaded when needed: most viewers watch by WebRTC.
    const { default: mpegts } = await import('mpegts.js');
    if (this.ended) return;
    mpegts.LoggingControl.enableAll = false;
    const { video } = this.options;
    const player = mpegts.createPlayer(
      { type: 'flv', isLive: true, cors: true, url: this.mediaUrl() },
      { enableWorker: false, enableStashBuffer: false, lazyLoad: false, autoCleanupSourceBuffer: true },
    );
    this.player = player;
    player.on(mpegts.Events.ERROR, (type: string, detail: string) =>
      this.fail(new PlayerError(type === mpegts.ErrorTypes.MEDIA_ERROR ? 'media' : 'network', `FLV: ${detail}`)),
    );
    player.on(mpegts.Events.LOADING_COMPLETE, () => this.fail(new PlayerError('network', 'FLV stream ended')));
    // The name is younger than the typings of mpegts.js.
    player.on('sei_arrived', (sei: SeiMessage) => {
      const anchor = readClockSei(sei);
      if (anchor) this.clock.anchor(anchor.atS, anchor.captureUs);
    });
    video.addEventListener('waiting', this.onWaiting);
    player.attachMediaElement(video);
    player.load();
    this.emit('attached', null);
    this.unwatch = watchFrames(video, (frame) => this.onFrame(frame));
    this.watch = setInterval(() => this.keepUp(), config.watchMs / 4);
    this.movedAt = performance.now();
  }

  private mediaUrl(): string {
    const { url, sid, token } = this.options;
    const full = new URL(url);
    full.searchParams.set('sid', sid);
    if (token) full.searchParams.set('token', token);
    return full.toString();
  }

  private onFrame({ mediaTimeS, width, height }: PresentedFrame): void {
    if (!this.hasFrame) {
      this.hasFrame = true;
      clearTimeout(this.timer);
      this.emit('playing', null);
    }
    const captured = this.clock.capture(mediaTimeS);
    this.emit('frame', { captureUs: captured?.captureUs ?? null, errUs: captured?.errUs ?? 0, width, height });
  }

  /** Stays near the live edge: a little faster when behind, a jump when far behind or stuck before a hole. */
  private keepUp(): void {
    const { video } = this.options;
    const { buffered, currentTime } = video;
    if (currentTime !== this.lastPosition || video.paused) {
      this.lastPosition = currentTime;
      this.movedAt = performance.now();
    }
    if (performance.now() - this.movedAt > config.stallMs) {
      this.fail(new PlayerError('media', 'FLV picture stands still'));
      return;
    }
    if (buffered.length === 0) return;
    const end = buffered.end(buffered.length - 1);
    const start = buffered.start(buffered.length - 1);
    const behind = end - currentTime;
    const targetS = config.flvTargetS + this.stallsS;
    if (behind > config.flvJumpS || currentTime < start) video.currentTime = Math.max(start, end - targetS);
    else if (behind > config.flvMaxS + this.stallsS) video.playbackRate = config.flvRate;
    else if (behind < targetS) video.playbackRate = 1;
  }
}
