import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type PresentedFrame, watchFrames } from './frame-watcher.js';

type Callback = (now: number, metadata: { mediaTime: number; rtpTimestamp?: number; width: number; height: number }) => void;

let callback: Callback | null;
let frames: PresentedFrame[];
const video = { currentTime: 0, videoWidth: 1280, videoHeight: 720, requestVideoFrameCallback: (next: Callback) => ((callback = next), 1), cancelVideoFrameCallback: vi.fn() };

const watch = () => watchFrames(video as unknown as HTMLVideoElement, (frame) => frames.push(frame), () => 90);

beforeEach(() => {
  vi.useFakeTimers();
  callback = null;
  frames = [];
  Object.assign(video, { currentTime: 0, videoWidth: 1280 });
});

afterEach(() => {
  vi.useRealTimers();
});

test('tells of each frame once, by its own times', () => {
  const unwatch = watch();
  for (let i = 0; i < 20; i++) {
    video.currentTime += 0.1;
    callback?.(0, { mediaTime: i, rtpTimestamp: i * 9, width: 640, height: 360 });
    vi.advanceTimersByTime(100);
  }
  expect(frames).toHaveLength(20);
  expect(frames[3]).toEqual({ mediaTimeS: 3, rtpTimestamp: 27, width: 640, height: 360 });
  unwatch();
});

test('sees a picture move that nobody draws', () => {
  const unwatch = watch();
  for (let i = 0; i < 20; i++) {
    video.currentTime += 0.1;
    vi.advanceTimersByTime(100);
  }
  expect(frames).toHaveLength(4);
  expect(frames[0]).toMatchObject({ rtpTimestamp: 90, width: 1280 });
  unwatch();
});

test('sees that it stands still, and that there is none yet', () => {
  const unwatch = watch();
  video.currentTime = 1;
  vi.advanceTimersByTime(5_000);
  expect(frames).toHaveLength(1);
  Object.assign(video, { currentTime: 2, videoWidth: 0 });
  vi.advanceTimersByTime(5_000);
  expect(frames).toHaveLength(1);
  unwatch();
});

test('is silent once it was told to stop', () => {
  watch()();
  video.currentTime = 1;
  vi.advanceTimersByTime(5_000);
  expect(frames).toHaveLength(0);
  expect(video.cancelVideoFrameCallback).toHaveBeenCalled();
});
