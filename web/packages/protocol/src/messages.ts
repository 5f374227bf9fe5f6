import { type Check, type Infer, int, isRecord, nullable, object, oneOf, optional, real, text } from './check.js';
import { MESSAGE_VERSION } from './config.js';
import { ProtocolError } from './errors.js';
import * as model from './model.js';

// docs/api.md section 5.
const { count, id64, key, price, stock, sub, time, uuid } = model;
const card = object({
  sku: id64,
  title: text(1, 200),
  image: nullable(text(1, 512, /^(https:\/\/|\/files\/)/)),
  price,
  left: stock,
});
const roomChange = object({ state: model.roomState });

/** Data of the timeline events by type. */
const eventData = {
  'product.pin': card,
  'product.unpin': object({ sku: id64 }),
  'product.add': model.product,
  'product.update': model.product,
  'product.remove': object({ sku: id64 }),
  price: object({ sku: id64, price }),
  stock: object({ sku: id64, left: stock }),
  'sale.open': model.sale,
  'sale.close': object({ id: uuid, sku: id64, left: stock }),
  'room.live': roomChange,
  'room.lost': roomChange,
  'room.ended': roomChange,
};

const orderResult = object({ key, status: int(200, 599), body: anyObject });
const chatText = text(1, 500);

/** Data of what else the server says. */
const serverData = {
  hello: object({
    session: text(1, 64),
    room: id64,
    seq: count,
    server_us: time,
    role: nullable(oneOf('admin', 'host', 'assistant', 'moderator', 'viewer')),
  }),
  clock: model.clock,
  state: model.state,
  chat: object({ sub, text: chatText, at_us: time }),
  'like.sum': object({ n: count }),
  'order.sum': object({ sku: id64, sold: count }),
  viewers: object({ n: count }),
  'order.result': orderResult,
  pong: object({ t: real(-Number.MAX_VALUE, Number.MAX_VALUE), server_us: time }),
  error: object({ type: text(0, 64), code: text(1, 64), detail: optional(text(0, 2000)) }),
  drain: object({ url: nullable(text(1, 2048)) }),
};

/** Data of what a client says. */
const clientData = {
  join: object({ after: optional(count), sid: optional(model.sid) }),
  'order.place': orderPlace,
  chat: object({ text: chatText }),
  like: object({ n: int(1, 100) }),
  track: object({ kind: text(1, 32, /^[a-z][a-z0-9_.]*$/), sku: optional(id64), at_us: time }),
  auth: object({ token: text(1, 4096) }),
  ping: object({ t: real(-Number.MAX_VALUE, Number.MAX_VALUE) }),
};

const envelope = object({ v: int(MESSAGE_VERSION, MESSAGE_VERSION), type: text(1, 32, /^[a-z][a-z0-9_.]*$/), data: anyObject });
const eventHead = object({
  room: id64,
  epoch: count,
  seq: int(1, Number.MAX_SAFE_INTEGER),
  id: uuid,
  at_us: time,
  err_us: count,
  expires_us: optional(time),
});

export type EventHead = Infer<typeof eventHead>;
export type EventType = keyof typeof eventData;
/** An event that this client cannot read; it has its place in the timeline all the same. */
export type SkippedEvent = { v: 1; type: 'skipped'; data: { type: string } } & EventHead;
export type TimelineEvent =
  | SkippedEvent
  | { [T in EventType]: { v: 1; type: T; data: Infer<(typeof eventData)[T]> } & EventHead }[EventType];
export type ServerType = keyof typeof serverData;
export type ServerNote = { [T in ServerType]: { v: 1; type: T; data: Infer<(typeof serverData)[T]> } }[ServerType];
export type ServerMessage = TimelineEvent | ServerNote;
export type ClientType = keyof typeof clientData;
export type ClientData<T extends ClientType> = Infer<(typeof clientData)[T]>;
export type ClientMessage = { [T in ClientType]: { v: 1; type: T; data: ClientData<T> } }[ClientType];
export type Card = Infer<typeof card>;
export type OrderPlace = { key: string } & model.OrderRequest;

function anyObject(value: unknown, member: string): Record<string, unknown> {
  if (!isRecord(value)) throw new ProtocolError(member, 'not an object');
  return value;
}

function orderPlace(value: unknown, member: string): OrderPlace {
  const keyed = object({ key })(value, member);
  return { ...keyed, ...model.orderRequest(value, member) };
}

function pick<T>(table: Record<string, Check<T>>, type: string): Check<T> | undefined {
  return Object.hasOwn(table, type) ? table[type] : undefined;
}

export function isTimelineEvent(message: ServerMessage): message is TimelineEvent {
  return 'seq' in message;
}

/** One message from the server; null when its type is not known here. */
export function serverMessage(value: unknown): ServerMessage | null {
  const { type, data } = envelope(value, '');
  const event = pick<unknown>(eventData, type);
  if (event) return { v: 1, type, ...eventHead(value, ''), data: event(data, 'data') } as TimelineEvent;
  const note = pick<unknown>(serverData, type);
  return note ? ({ v: 1, type, data: note(data, 'data') } as ServerNote) : skippedEvent(value);
}

/** What stands for an event of an unknown type or with data that does not fit; null for other messages. */
export function skippedEvent(value: unknown): SkippedEvent | null {
  try {
    return { v: 1, type: 'skipped', ...eventHead(value, ''), data: { type: envelope(value, '').type } };
  } catch {
    return null;
  }
}

/** One message from a client, as the server reads it; used by tests and simulators. */
export function clientMessage(value: unknown): ClientMessage | null {
  const { type, data } = envelope(value, '');
  const check = pick<unknown>(clientData, type);
  return check ? ({ v: 1, type, data: check(data, 'data') } as ClientMessage) : null;
}

