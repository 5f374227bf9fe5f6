import type { ApiClient } from './api-client.js';
import { Emitter } from './events.js';

/** What we keep of a guest between visits. */
interface Kept {
  token: string;
  exp: number;
}

export type KeyValueStore = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

const EARLY_S = 60;

/**
 * Who the viewer is: a token given by the page, or a guest token that is asked for when one is first
 * needed and kept for the next visit. One request at a time.
 */
export class Identity extends Emitter<{ change: string | null }> {
  private current: string | null;
  private pending: Promise<string> | null = null;

  constructor(
    private readonly room: string,
    private readonly given: string | null,
    private readonly api: () => ApiClient,
    private readonly store: KeyValueStore | null = null,
    private readonly now: () => number = Date.now,
  ) {
    super();
    this.current = given ?? this.load();
  }

  get token(): string | null {
    return this.current;
  }

  /** The token came with the page: a guest's would not be the same person. */
  get isGiven(): boolean {
    return this.given !== null;
  }

  ensure(): Promise<string> {
    if (this.current) return Promise.resolve(this.current);
    this.pending ??= this.ask().finally(() => (this.pending = null));
    return this.pending;
  }

  /** The server refused the token. A given one stays refused; a guest becomes a new guest. */
  refuse(token: string): void {
    if (this.given !== null || this.current !== token) return;
    this.current = null;
    this.store?.removeItem(this.name);
    this.emit('change', null);
  }

  private async ask(): Promise<string> {
    const guest = await this.api().guest(this.room);
    this.current = guest.token;
    const kept: Kept = { token: guest.token, exp: guest.exp };
    this.store?.setItem(this.name, JSON.stringify(kept));
    this.emit('change', guest.token);
    return guest.token;
  }

  private get name(): string {
    return `souk.guest.${this.room}`;
  }

  private load(): string | null {
    try {
      const kept = JSON.parse(this.store?.getItem(this.name) ?? 'null') as Partial<Kept> | null;
      if (typeof kept?.token !== 'string' || typeof kept.exp !== 'number') return null;
      return kept.exp - EARLY_S > this.now() / 1000 ? kept.token : null;
    } catch {
      return null;
    }
  }
}

/** localStorage, or null where the browser forbids it. */
export function browserStore(): KeyValueStore | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
