export const config = {
  /** Reconnecting: first wait, longest wait. */
  retryMinMs: 500,
  retryMaxMs: 8_000,
  /** An order is repeated under its key until this much time has passed. */
  orderPatienceMs: 30_000,
  /** Answer to an order over the live connection; then it is repeated over HTTP. */
  orderReplyMs: 4_000,
  requestTimeoutMs: 10_000,
  /** Events kept while an earlier one is missing. */
  gapMax: 256,
  /** Least time between two requests to fill a gap. */
  gapRetryMs: 1_000,
  /** Events that wait for their picture. */
  scheduledMax: 1_000,
  /** Without a new picture for this long, server time decides. */
  pictureStallMs: 1_500,
  /** An event is never held longer than this behind server time: the picture's clock must be wrong. */
  holdMaxUs: 10_000_000,
  /** A clock with a worse bound than this holds nothing back. */
  errMaxUs: 1_500_000,
  pingMs: 15_000,
  /** A socket that stays silent this long is dead. */
  silenceMs: 45_000,
  /** Between two tries to restart ICE, and for the answer to one. */
  iceRestartMs: 2_000,
  bodyCharsMax: 4 << 20,
  sdpCharsMax: 64 << 10,
};
