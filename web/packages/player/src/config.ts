export const config = {
  /** From the offer to the first picture; then the next way to watch is tried. */
  firstFrameMs: 6_000,
  /** HLS begins some seconds behind the edge, and browsers buffer first. */
  hlsFirstFrameMs: 15_000,
  /** ICE may recover by itself for so long. */
  disconnectedMs: 5_000,
  /** A way that failed is not tried first again for so long. */
  avoidMs: 60_000,
  /** Without a new picture for so long a live player starts anew. */
  stallMs: 8_000,
  watchMs: 1_000,
  /** Behind the live edge by more than this: play faster; by the second: jump. */
  flvTargetS: 0.6,
  flvMaxS: 1.2,
  flvJumpS: 2.5,
  flvRate: 1.15,
  clocksMax: 4,
  anchorsMax: 32,
  /** What SEI tells is in milliseconds. */
  seiErrUs: 1_000,
  /** Bound of the clock by the first byte of the session: audio may lead by a frame or two. */
  sessionErrUs: 80_000,
  /** Dates in playlists are of segments. */
  hlsErrUs: 50_000,
};
