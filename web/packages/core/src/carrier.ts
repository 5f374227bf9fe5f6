import { SUBPROTOCOL } from '@souk/protocol';

export interface CarrierEvents {
  open(): void;
  message(text: string): void;
  /** Once, and the last call. `code` is the WebSocket's close code, 1006 for a data channel. */
  close(code: number): void;
}

/** A way for live messages to and from the server. */
export interface Carrier {
  readonly kind: 'websocket' | 'channel';
  send(text: string): boolean;
  destroy(): void;
}

export function webSocketCarrier(url: string, events: CarrierEvents): Carrier {
  const socket = new WebSocket(url, [SUBPROTOCOL]);
  let ended = false;
  socket.onopen = () => !ended && events.open();
  socket.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (!ended && typeof data === 'string') events.message(data);
  };
  socket.onclose = ({ code }) => {
    if (ended) return;
    ended = true;
    events.close(code);
  };
  return {
    kind: 'websocket',
    send(text) {
      if (socket.readyState !== WebSocket.OPEN) return false;
      socket.send(text);
      return true;
    },
    destroy() {
      ended = true;
      socket.close(1000);
    },
  };
}

/** The channel belongs to its peer connection; destroy() only stops listening. */
export function channelCarrier(channel: RTCDataChannel, events: CarrierEvents): Carrier {
  let ended = false;
  const onOpen = () => events.open();
  const onMessage = ({ data }: MessageEvent<unknown>) => {
    if (typeof data === 'string') events.message(data);
  };
  const destroy = () => {
    ended = true;
    channel.removeEventListener('open', onOpen);
    channel.removeEventListener('message', onMessage);
    channel.removeEventListener('close', onClose);
  };
  const onClose = () => {
    if (ended) return;
    destroy();
    events.close(1006);
  };
  channel.addEventListener('open', onOpen);
  channel.addEventListener('message', onMessage);
  channel.addEventListener('close', onClose);
  // An earlier reader may have let the open event pass.
  if (channel.readyState === 'open') queueMicrotask(() => !ended && events.open());
  return {
    kind: 'channel',
    send(text) {
      if (channel.readyState !== 'open') return false;
      channel.send(text);
      return true;
    },
    destroy,
  };
}
