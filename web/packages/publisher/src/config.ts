export const config = {
  width: 1280,
  height: 720,
  frameRate: 30,
  /** For 720p at 30 pictures a second. */
  maxBitrate: 3_500_000,
  audioBitrate: 96_000,
  statsMs: 1_000,
  connectMs: 10_000,
  /** A lost path is sought for so long; the server ends a session that was silent for 30 s. */
  disconnectedMs: 20_000,
  /** The server has this long to hear that we stop. */
  goodbyeMs: 1_500,
};
