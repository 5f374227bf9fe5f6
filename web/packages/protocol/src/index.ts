export { CHANNEL_LABEL, MESSAGE_VERSION, SUBPROTOCOL } from './config.js';
export { type Check, type Infer } from './check.js';
export { ProtocolError } from './errors.js';
export * as model from './model.js';
export type * from './model.js';
export {
  type Card,
  type ClientData,
  type ClientMessage,
  type ClientType,
  type EventHead,
  type EventType,
  type OrderPlace,
  type ServerMessage,
  type ServerNote,
  type TimelineEvent,
  clientMessage,
  isTimelineEvent,
  serverMessage,
} from './messages.js';
export { type Batch, parseBatch, parseJson, renderMessage } from './parse.js';
