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

/** Calls back for each frame that the element presents, until the returned function is called. */
export function watchFrames(
  element: HTMLVideoElement,
  onFrame: (frame: PresentedFrame) => void,
  rtpNow: () => number | null = () => null,
): () => void {
  const video: FrameCallbackVideo = element;
  let handle = 0;
  if (video.requestVideoFrameCallback) {
    const onCallback = (_now: number, { mediaTime, rtpTimestamp, width, height }: FrameMetadata) => {
      handle = video.requestVideoFrameCallback?.(onCallback) ?? 0;
      onFrame({ mediaTimeS: mediaTime, rtpTimestamp: rtpTimestamp ?? null, width, height });
    };
    handle = video.requestVideoFrameCallback(onCallback);
    return () => video.cancelVideoFrameCallback?.(handle);
  }
  // Older engines: look once per screen refresh whether the position has moved.
  let last = -1;
  const onRefresh = () => {
    handle = requestAnimationFrame(onRefresh);
    if (video.currentTime === last || video.videoWidth === 0) return;
    last = video.currentTime;
    onFrame({ mediaTimeS: last, rtpTimestamp: rtpNow(), width: video.videoWidth, height: video.videoHeight });
  };
  handle = requestAnimationFrame(onRefresh);
  return () => cancelAnimationFrame(handle);
}
