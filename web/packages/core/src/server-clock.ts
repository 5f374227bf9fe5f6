/** Server UTC from what the server says: the sample with the least round trip of the last few wins. */
export class ServerClock {
  private readonly samples: { offsetUs: number; rttMs: number }[] = [];

  constructor(private readonly nowMs: () => number = () => performance.timeOrigin + performance.now()) {}

  sample(serverUs: number, sentMs: number | null): void {
    const now = this.nowMs();
    const rttMs = sentMs === null ? 1_000 : Math.max(0, now - sentMs);
    const half = sentMs === null ? 0 : rttMs / 2;
    this.samples.push({ offsetUs: serverUs - (now - half) * 1000, rttMs });
    if (this.samples.length > 8) this.samples.shift();
  }

  get known(): boolean {
    return this.samples.length > 0;
  }

  nowUs(): number {
    let best = { offsetUs: 0, rttMs: Infinity };
    for (const sample of this.samples) if (sample.rttMs < best.rttMs) best = sample;
    return Math.round(this.nowMs() * 1000 + best.offsetUs);
  }
}
