import { BATCH_MAX, MESSAGE_CHARS_MAX, MESSAGE_VERSION } from './config.js';
import { ProtocolError } from './errors.js';
import { type ClientData, type ClientType, type ServerMessage, serverMessage, skippedEvent } from './messages.js';

/** JSON of bounded size; a ProtocolError for anything else. */
export function parseJson(input: string, charsMax = MESSAGE_CHARS_MAX): unknown {
  if (input.length > charsMax) throw new ProtocolError('', 'too long');
  try {
    return JSON.parse(input) as unknown;
  } catch {
    throw new ProtocolError('', 'not JSON');
  }
}

export interface Batch {
  messages: ServerMessage[];
  /** Messages that did not fit the contract; the others of the batch still count. */
  faults: ProtocolError[];
}

/** One transport message: a live message or an array of them. Unknown types are passed over. */
export function parseBatch(input: string): Batch {
  const value = parseJson(input);
  const items: unknown[] = Array.isArray(value) ? value : [value];
  if (items.length > BATCH_MAX) throw new ProtocolError('', 'too many messages');
  const batch: Batch = { messages: [], faults: [] };
  for (const item of items) {
    try {
      const message = serverMessage(item);
      if (message) batch.messages.push(message);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      batch.faults.push(error);
      const skipped = skippedEvent(item);
      if (skipped) batch.messages.push(skipped);
    }
  }
  return batch;
}

export function renderMessage<T extends ClientType>(type: T, data: ClientData<T>): string {
  return JSON.stringify({ v: MESSAGE_VERSION, type, data });
}
