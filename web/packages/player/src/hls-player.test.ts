import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { config } from './config.js';
import type { ShownFrame } from './events.js';
import { HlsPlayer } from './hls-player.js';

type FrameCallback = (now: number, metadata: object) => void;

describe('HlsPlayer', () => {
  let onFrame: FrameCallback;
  let video: EventTarget & { src: string; error: null; getStartDate?: () => Date };
  let player: HlsPlayer;
  let failures: Error[];
  let frames: ShownFrame[];

  beforeEach(() => {
    vi.useFakeTimers();
    video = Object.assign(new EventTarget(), {
      src: '',
      error: null,
      load: vi.fn(),
      removeAttribute: vi.fn(),
      requestVideoFrameCallback: (callback: FrameCallback) => ((onFrame = callback), 1),
      cancelVideoFrameCallback: vi.fn(),
    });
    player = new HlsPlayer({ video: video as unknown as HTMLVideoElement, url: 'http://souk.test/hls/demo/index.m3u8', token: 't', sid: 'sid45678' });
    failures = [];
    frames = [];
    player.on('failed', (error) => failures.push(error));
    player.on('frame', (frame) => frames.push(frame));
    player.start();
  });
  afterEach(() => {
    player.destroy();
    vi.useRealTimers();
  });

  const present = (mediaTime: number) => onFrame(0, { mediaTime, width: 1280, height: 720 });

  test('gives the element the URL with the token', () => {
    expect(video.src).toBe('http://souk.test/hls/demo/index.m3u8?token=t');
  });

  test('tells the capture time where the browser knows the playlist’s dates', () => {
    video.getStartDate = () => new Date(1_795_226_035_000);
    present(1.25);
    expect(frames[0]).toEqual({ captureUs: 1_795_226_036_250_000, errUs: config.hlsErrUs, width: 1280, height: 720 });
  });

  test('tells none where it does not', () => {
    present(1);
    video.getStartDate = () => new Date(Number.NaN);
    present(2);
    expect(frames.map(({ captureUs }) => captureUs)).toEqual([null, null]);
  });

  test('fails once: without a picture, when it stands still, or at the end of the playlist', () => {
    vi.advanceTimersByTime(config.hlsFirstFrameMs + 1);
    expect(failures).toHaveLength(1);
    video.dispatchEvent(new Event('ended'));
    expect(failures).toHaveLength(1);
  });

  test('a picture that stands still fails', () => {
    present(1);
    vi.advanceTimersByTime(config.stallMs - 1);
    expect(failures).toHaveLength(0);
    vi.advanceTimersByTime(2);
    expect(failures).toHaveLength(1);
  });
});
