import type { Clock, ServerMessage, State, TimelineEvent } from '@souk/protocol';
import type { ApiClient } from './api-client.js';
import type { Carrier } from './carrier.js';
import type { Identity } from './identity.js';

export type SessionStatus = 'connecting' | 'open' | 'gone' | 'refused';
export type Note<T> = Extract<ServerMessage, { type: T }>['data'];

export interface SessionEvents {
  status: SessionStatus;
  hello: Note<'hello'>;
  clock: { clock: Clock; carrier: Carrier['kind'] };
  state: State;
  event: TimelineEvent;
  chat: Note<'chat'>;
  likes: number;
  viewers: number;
  sold: Note<'order.sum'>;
  result: Note<'order.result'>;
  fault: string;
}

export interface SessionOptions {
  room: string;
  api: ApiClient;
  identity: Identity;
  /** Names our media session, so that a WebSocket gets its clock. */
  sid: string;
}
