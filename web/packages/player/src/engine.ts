import { Emitter } from '@souk/core';
import type { Clock } from '@souk/protocol';
import type { EngineEvents } from './events.js';

export interface EngineOptions {
  video: HTMLVideoElement;
  url: string;
  token: string | null;
  sid: string;
}

/** One attempt to show a room in one way. Made, started once, destroyed; never used again. */
export abstract class Engine extends Emitter<EngineEvents> {
  private settled = false;

  constructor(protected readonly options: EngineOptions) {
    super();
  }

  abstract start(): void;
  abstract setClock(clock: Clock): void;

  /** At most one failure, nothing after destroy(). */
  protected fail(error: Error): void {
    if (this.settled) return;
    this.settled = true;
    this.emit('failed', error);
  }

  override destroy(): void {
    this.settled = true;
    super.destroy();
  }
}
