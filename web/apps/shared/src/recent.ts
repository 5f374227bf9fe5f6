const NAME = 'souk.recent';
const KEPT = 12;

/** Rooms visited with this browser, newest first: the list of all rooms is for administrators only. */
export function recent(): string[] {
  try {
    const kept = JSON.parse(localStorage.getItem(NAME) ?? '[]') as unknown;
    return Array.isArray(kept) ? kept.filter((room): room is string => /^[A-Za-z0-9_-]{1,64}$/.test(String(room))) : [];
  } catch {
    return [];
  }
}

export function remember(room: string): void {
  try {
    localStorage.setItem(NAME, JSON.stringify([room, ...recent().filter((other) => other !== room)].slice(0, KEPT)));
  } catch {
    // Without storage there is no list of recent rooms.
  }
}
