/** What the host sees of the way out, once a second. */
export interface PublishStats {
  bitrate: number;
  framesPerSecond: number;
  width: number;
  height: number;
  /** Why the picture is not better: none, cpu, bandwidth, other. */
  limit: string;
  availableBitrate: number | null;
  rttMs: number | null;
}

interface Sample {
  bytes: number;
  atMs: number;
}

/** Reads getStats() reports; keeps what it needs for rates. */
export class StatsReader {
  private last: Sample | null = null;

  read(report: RTCStatsReport): PublishStats | null {
    let stats: PublishStats | null = null;
    // Several pairs may be nominated; the transport tells which one carries the media.
    let selected: unknown;
    const pairs = new Map<unknown, Pair>();
    report.forEach((entry: Record<string, unknown>) => {
      if (entry['type'] === 'outbound-rtp' && entry['kind'] === 'video') stats = this.video(entry);
      if (entry['type'] === 'transport') selected = entry['selectedCandidatePairId'];
      if (entry['type'] === 'candidate-pair') pairs.set(entry['id'], entry);
    });
    return stats && { ...(stats as PublishStats), ...path(pairs.get(selected)) };
  }

  private video(entry: Record<string, unknown>): PublishStats {
    const sample = { bytes: number(entry['bytesSent']), atMs: number(entry['timestamp']) };
    const span = this.last ? sample.atMs - this.last.atMs : 0;
    const bitrate = this.last && span > 0 ? ((sample.bytes - this.last.bytes) * 8000) / span : 0;
    this.last = sample;
    return {
      bitrate: Math.max(0, Math.round(bitrate)),
      framesPerSecond: number(entry['framesPerSecond']),
      width: number(entry['frameWidth']),
      height: number(entry['frameHeight']),
      limit: String(entry['qualityLimitationReason'] ?? 'none'),
      availableBitrate: null,
      rttMs: null,
    };
  }
}

interface Pair {
  availableOutgoingBitrate?: number;
  currentRoundTripTime?: number;
}

function path(pair: Pair | undefined) {
  return {
    availableBitrate: pair?.availableOutgoingBitrate ?? null,
    rttMs: pair?.currentRoundTripTime === undefined ? null : pair.currentRoundTripTime * 1000,
  };
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
