import type { TimelineEvent } from '@souk/protocol';
import { config } from './config.js';

export interface SchedulerOptions {
  apply(event: TimelineEvent): void;
  serverNowUs(): number;
  now?: () => number;
}

/** Never held back: the truth about stock and about the show itself (docs/api.md section 5.2). */
function isImmediate({ type }: TimelineEvent): boolean {
  return type === 'stock' || type.startsWith('room.');
}

/**
 * Holds each event until the first presented picture with capture_us >= at_us. Without pictures, server
 * time decides: a viewer with a frozen picture still shops.
 */
export class EventScheduler {
  private waiting: TimelineEvent[] = [];
  private shownUs: number | null = null;
  private shownAt = -Infinity;
  private readonly timer: ReturnType<typeof setInterval>;
  private readonly now: () => number;

  constructor(private readonly options: SchedulerOptions) {
    this.now = options.now ?? (() => performance.now());
    this.timer = setInterval(() => this.tick(), 250);
  }

  destroy(): void {
    clearInterval(this.timer);
    this.waiting = [];
  }

  /** Capture time of the picture on screen, null when there is none to go by. */
  get captureUs(): number | null {
    return this.now() - this.shownAt < config.pictureStallMs ? this.shownUs : null;
  }

  push(event: TimelineEvent): void {
    if (isImmediate(event) || this.isDue(event)) {
      this.apply(event);
      return;
    }
    let index = this.waiting.length;
    while (index > 0 && isBefore(event, this.waiting[index - 1])) index--;
    this.waiting.splice(index, 0, event);
    if (this.waiting.length > config.scheduledMax) this.applyFirst();
  }

  /** A picture is on screen. */
  frame(captureUs: number, errUs: number): void {
    if (errUs > config.errMaxUs) {
      this.shownUs = null;
      return;
    }
    this.shownUs = captureUs;
    this.shownAt = this.now();
    this.flush();
  }

  /** A state replaces what was known, the events that it contains with it. */
  forget(seq: number): void {
    this.waiting = this.waiting.filter((event) => event.seq > seq);
  }

  private tick(): void {
    this.flush();
  }

  private flush(): void {
    while (this.waiting[0] && this.isDue(this.waiting[0])) this.applyFirst();
  }

  private isDue(event: TimelineEvent): boolean {
    const shown = this.captureUs;
    if (shown !== null && event.at_us <= shown) return true;
    const server = this.options.serverNowUs();
    return event.at_us + (shown === null ? 0 : config.holdMaxUs) <= server;
  }

  private applyFirst(): void {
    const event = this.waiting.shift();
    if (event) this.apply(event);
  }

  private apply(event: TimelineEvent): void {
    const time = this.captureUs ?? this.options.serverNowUs();
    if (event.expires_us !== undefined && event.expires_us < time) return;
    this.options.apply(event);
  }
}

function isBefore(a: TimelineEvent, b: TimelineEvent | undefined): boolean {
  return b !== undefined && (a.at_us < b.at_us || (a.at_us === b.at_us && a.seq < b.seq));
}
