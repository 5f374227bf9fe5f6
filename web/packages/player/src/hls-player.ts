import { config } from './config.js';
import { Engine } from './engine.js';
import { PlayerError } from './errors.js';
import { type PresentedFrame, watchFrames } from './frame-watcher.js';

type DatedVideo = HTMLVideoElement & { getStartDate?(): Date };

/** HLS by the browser itself: what phones without Media Source Extensions can play. */
export class HlsPlayer extends Engine {
  private unwatch: (() => void) | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private stalled: ReturnType<typeof setTimeout> | undefined;
  private hasFrame = false;
  private readonly onError = () => this.fail(new PlayerError('media', `HLS: ${this.options.video.error?.message ?? 'no picture'}`));

  static isSupported(): boolean {
    return document.createElement('video').canPlayType('application/vnd.apple.mpegurl') !== '';
  }

  start(): void {
    const { video, url, token } = this.options;
    const full = new URL(url);
    if (token) full.searchParams.set('token', token);
    this.timer = setTimeout(() => this.fail(new PlayerError('timeout', 'no picture by HLS')), config.hlsFirstFrameMs);
    video.addEventListener('error', this.onError);
    video.addEventListener('ended', this.onError);
    video.src = full.toString();
    this.emit('attached', null);
    this.unwatch = watchFrames(video, (frame) => this.onFrame(frame));
  }

  /** The playlist's dates tell the time. */
  setClock(): void {}

  override destroy(): void {
    super.destroy();
    clearTimeout(this.timer);
    clearTimeout(this.stalled);
    this.unwatch?.();
    const { video } = this.options;
    video.removeEventListener('error', this.onError);
    video.removeEventListener('ended', this.onError);
    video.removeAttribute('src');
    video.load();
  }

  private onFrame({ mediaTimeS, width, height }: PresentedFrame): void {
    if (!this.hasFrame) {
      this.hasFrame = true;
      clearTimeout(this.timer);
      this.emit('playing', null);
    }
    clearTimeout(this.stalled);
    this.stalled = setTimeout(() => this.fail(new PlayerError('media', 'HLS picture stands still')), config.stallMs);
    // Safari maps the playlist's dates to the element's time; others do not tell.
    const startMs = (this.options.video as DatedVideo).getStartDate?.().getTime() ?? Number.NaN;
    const captureUs = Number.isNaN(startMs) ? null : Math.round((startMs + mediaTimeS * 1000) * 1000);
    this.emit('frame', { captureUs, errUs: captureUs === null ? 0 : config.hlsErrUs, width, height });
  }
}
