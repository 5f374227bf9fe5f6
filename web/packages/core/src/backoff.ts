import { config } from './config.js';

/** Growing waits with jitter, so that a restart of the server is not met by everybody at once. */
export class Backoff {
  private tries = 0;

  constructor(
    private readonly minMs = config.retryMinMs,
    private readonly maxMs = config.retryMaxMs,
    private readonly random: () => number = Math.random,
  ) {}

  next(): number {
    const full = Math.min(this.maxMs, this.minMs * 2 ** this.tries++);
    return full / 2 + (full / 2) * this.random();
  }

  reset(): void {
    this.tries = 0;
  }
}
