export const config = {
  /** From the offer to the first picture; then the next way to watch is tried. */
  firstFrameMs: 6_000,
  /** HLS begins some seconds behind the edge, and browsers buffer first. */
  hlsFirstFrameMs: 15_000,
  /** A lost path is sought for so long; the server ends a session that was silent for 30 s. */
  disconnectedMs: 20_000,
  /** A way that failed is not tried first again for so long. */
  avoidMs: 60_000,
  /** Without a new picture for so long a live player starts anew. */
  stallMs: 8_000,
  /** Without a presented frame for so long, the position tells whether the picture moves. */
  unseenMs: 500,
  watchMs: 1_000,
  /** A server that sends says so at least once a second (reports); without a byte for so long the path is lost. */
  silentMs: 1_500,
  /** What is held of FLV: beyond the second plays faster, until it is the first; beyond the third jumps. */
  flvTargetS: 0.35,
  flvMaxS: 0.55,
  flvJumpS: 2.5,
  /** Each time that it ran out it is more by so much, at most so much. */
  flvStallS: 0.2,
  flvStallsS: 0.6,
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
