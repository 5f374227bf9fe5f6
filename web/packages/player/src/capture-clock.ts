import type { Clock } from '@souk/protocol';
import { config } from './config.js';

export interface Captured {
  captureUs: number;
  errUs: number;
}

interface Epoch {
  epoch: number;
  firstRtp: number;
  clock: Clock & { rtp: number };
}

/** Signed distance on the 32-bit circle of RTP timestamps. */
function since(rtp: number, origin: number): number {
  return (rtp - origin) | 0;
}

/**
 * RTP timestamps to capture times (docs/api.md section 5.4). The clock jumps only with an epoch, so the
 * pictures of the last epoch that are still on their way keep their own clock.
 */
export class RtpClock {
  private readonly epochs: Epoch[] = [];

  set(clock: Clock): void {
    if (clock.rtp === undefined) return;
    const stamped = { ...clock, rtp: clock.rtp };
    const known = this.epochs.find(({ epoch }) => epoch === clock.epoch);
    if (known) {
      known.clock = stamped;
      return;
    }
    this.epochs.unshift({ epoch: clock.epoch, firstRtp: clock.rtp, clock: stamped });
    this.epochs.length = Math.min(this.epochs.length, config.clocksMax);
  }

  capture(rtp: number): Captured | null {
    const found = this.epochs.find(({ firstRtp }) => since(rtp, firstRtp) >= 0) ?? this.epochs.at(-1);
    if (!found) return null;
    const mediaUs = (since(rtp, found.clock.rtp) * 100) / 9;
    return {
      captureUs: Math.round(found.clock.capture_us + mediaUs * (1 + found.clock.rate_ppm / 1e6)),
      errUs: found.clock.err_us,
    };
  }
}

/**
 * Positions of an MSE element to capture times: anchors from SEI, exact to the millisecond, and until the
 * first of them the capture time of the first picture that the server sent to this media session.
 */
export class MediaClock {
  private anchors: { atS: number; captureUs: number }[] = [];
  private firstSentUs: number | null = null;
  private errUs = 0;

  set(clock: Clock): void {
    this.errUs = clock.err_us;
    this.firstSentUs ??= clock.first_sent_capture_us ?? null;
  }

  anchor(atS: number, captureUs: number): void {
    if (!Number.isFinite(atS) || !Number.isFinite(captureUs)) return;
    this.anchors = [...this.anchors.filter((other) => other.atS < atS), { atS, captureUs }].slice(-config.anchorsMax);
  }

  capture(positionS: number): Captured | null {
    let found = this.anchors[0];
    // Half a millisecond of slack: positions are floating point images of whole milliseconds.
    for (const anchor of this.anchors) if (anchor.atS <= positionS + 0.0005) found = anchor;
    if (found) {
      return { captureUs: Math.round(found.captureUs + (positionS - found.atS) * 1e6), errUs: this.errUs + config.seiErrUs };
    }
    if (this.firstSentUs === null) return null;
    return { captureUs: Math.round(this.firstSentUs + positionS * 1e6), errUs: this.errUs + config.sessionErrUs };
  }
}
