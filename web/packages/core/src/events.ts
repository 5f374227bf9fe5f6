export type Listener<T> = (value: T) => void;
export type Unsubscribe = () => void;

/** A typed emitter; whoever subscribes keeps the returned function for the end of its life. */
export class Emitter<Events extends object> {
  private readonly listeners = new Map<keyof Events, Set<Listener<never>>>();

  on<K extends keyof Events>(event: K, listener: Listener<Events[K]>): Unsubscribe {
    let set = this.listeners.get(event);
    if (!set) this.listeners.set(event, (set = new Set()));
    set.add(listener);
    return () => set.delete(listener);
  }

  emit<K extends keyof Events>(event: K, value: Events[K]): void {
    for (const listener of [...(this.listeners.get(event) ?? [])]) (listener as Listener<Events[K]>)(value);
  }

  destroy(): void {
    this.listeners.clear();
  }
}

/** Subscriptions that end together. */
export class Subscriptions {
  private readonly ends: Unsubscribe[] = [];

  add(...ends: Unsubscribe[]): void {
    this.ends.push(...ends);
  }

  listen(target: EventTarget, event: string, listener: (event: Event) => void): void {
    target.addEventListener(event, listener);
    this.ends.push(() => target.removeEventListener(event, listener));
  }

  destroy(): void {
    for (const end of this.ends.splice(0)) end();
  }
}
