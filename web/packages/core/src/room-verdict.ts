import type { ApiClient } from './api-client.js';
import { ApiError } from './errors.js';

/** gone: no such room; refused: not with this token; renew: ask for another one; wait: try again. */
export type Verdict = 'gone' | 'refused' | 'renew' | 'wait';

/** A WebSocket handshake that failed tells a page nothing; the room itself says why. */
export async function roomVerdict(api: ApiClient, room: string, renewable: boolean): Promise<Verdict> {
  try {
    await api.room(room);
    return 'wait';
  } catch (error) {
    if (!(error instanceof ApiError)) return 'wait';
    if (error.status === 401 && renewable) return 'renew';
    if (error.status === 401 || error.status === 403) return 'refused';
    return error.status === 404 ? 'gone' : 'wait';
  }
}
