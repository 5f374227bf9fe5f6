/** The only version of the live messages. */
export const MESSAGE_VERSION = 1;

/** Subprotocol of the WebSocket and label of the data channel. */
export const SUBPROTOCOL = 'souk.v1';
export const CHANNEL_LABEL = 'souk';

/** Bounds for what we parse. The server stays under 16 KiB a message; a state of a large shelf may be longer. */
export const MESSAGE_CHARS_MAX = 1 << 20;
export const BATCH_MAX = 1000;
export const ITEMS_MAX = 1000;

export const ORDER_ITEMS_MAX = 20;
export const QTY_MAX = 999;
export const STOCK_MAX = 1_000_000_000;
export const MINOR_MAX = 1_000_000_000_000;
