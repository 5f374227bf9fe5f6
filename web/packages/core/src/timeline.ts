import type { State, TimelineEvent } from '@souk/protocol';
import { config } from './config.js';

export interface TimelineOutput {
  event(event: TimelineEvent): void;
  state(state: State): void;
  /** Events after `after` are missing: ask for them. */
  missing(after: number): void;
}

/**
 * Puts the events of all carriers into one gap-free run. Twice-told events are dropped, early ones wait
 * for those before them, a state stands for everything up to its seq.
 */
export class Timeline {
  private last: number | null = null;
  private readonly early = new Map<number, TimelineEvent>();
  private askedAt = -Infinity;

  constructor(
    private readonly output: TimelineOutput,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** The newest seq that has been delivered; null before the first state. */
  get seq(): number | null {
    return this.last;
  }

  /** A state older than what we have is stale, except from a server whose timeline restarted. */
  state(state: State, restarted = false): void {
    if (this.last !== null && state.seq < this.last && !restarted) return;
    this.last = state.seq;
    for (const seq of [...this.early.keys()]) {
      if (restarted || seq <= state.seq) this.early.delete(seq);
    }
    this.output.state(state);
    this.drain();
  }

  event(event: TimelineEvent): void {
    if (this.last !== null && event.seq <= this.last) return;
    // The one that is missing always has room: it is what lets the others go.
    if (this.early.size < config.gapMax || event.seq - 1 === this.last) this.early.set(event.seq, event);
    this.drain();
  }

  private drain(): void {
    if (this.last === null) return;
    for (let next = this.early.get(this.last + 1); next; next = this.early.get(this.last + 1)) {
      this.early.delete(next.seq);
      this.last = next.seq;
      this.output.event(next);
    }
    if (this.early.size === 0 || this.now() - this.askedAt < config.gapRetryMs) return;
    this.askedAt = this.now();
    this.output.missing(this.last);
  }
}
