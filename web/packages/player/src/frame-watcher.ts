import { config } from './config.js';

/** What is known of a presented frame, with or without requestVideoFrameCallback. */
export interface PresentedFrame {
  mediaTimeS: number;
  rtpTimestamp: number | null;
  width: number;
  height: number;
}

interface FrameMetadata {
  mediaTime: number;
  rtpTimestamp?: number;
  width: number;
  height: number;
}

type FrameCallbackVideo = HTMLVideoElement & {
  requestVideoFrameCallback?(callback: (now: number, metadata: FrameMetadata) => void): number;
  cancelVideoFrameCallback?(handle: number): void;
};

/**
 * Calls back for each frame that the element presents, until the returned function is called. Where nothing is
 * drawn (a page in the background, some web views) browsers tell of no frame although the picture plays: then
 * for each look that finds its position moved.
 */
export function watchFrames(
  element: HTMLVideoElement,
  onFrame: (frame: PresentedFrame) => void,
  rtpNow: () => number | null = () => null,
): () => void {
  const video: FrameCallbackVideo = element;
  let handle = 0;
  let told = false;
  let last = -1;
  const look = () => {
    if (video.currentTime === last || !video.videoWidth) return;
    last = video.currentTime;
    told = true;
    onFrame({ mediaTimeS: last, rtpTimestamp: rtpNow(), width: video.videoWidth, height: video.videoHeight });
  };
  const onCallback = (_now: number, { mediaTime, rtpTimestamp, width, height }: FrameMetadata) => {
    handle = video.requestVideoFrameCallback?.(onCallback) ?? 0;
    last = video.currentTime;
    told = true;
    onFrame({ mediaTimeS: mediaTime, rtpTimestamp: rtpTimestamp ?? null, width, height });
  };
  // Engines without the callback: once per refresh of the screen.
  const onRefresh = () => {
    handle = requestAnimationFrame(onRefresh);
    look();
  };
  if (video.requestVideoFrameCallback) handle = video.requestVideoFrameCallback(onCallback);
  else handle = requestAnimationFrame(onRefresh);
  const unseen = setInterval(() => {
    if (!told) look();
    told = false;
  }, config.unseenMs);
  return () => {
    clearInterval(unseen);
    if (video.cancelVideoFrameCallback) video.cancelVideoFrameCallback(handle);
    else cancelAnimationFrame(handle);
  };
}
