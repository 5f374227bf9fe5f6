import {
  type ClientData,
  type ClientType,
  type ServerMessage,
  isTimelineEvent,
  parseBatch,
  renderMessage,
} from '@souk/protocol';
import { Backoff } from './backoff.js';
import { type Carrier, channelCarrier, webSocketCarrier } from './carrier.js';
import { config } from './config.js';
import { Emitter, Subscriptions } from './events.js';
import { roomVerdict } from './room-verdict.js';
import type { Note, SessionEvents, SessionOptions } from './session-events.js';
import { ServerClock } from './server-clock.js';
import { Timeline } from './timeline.js';

/**
 * The live connection of one viewer: a WebSocket, and instead of it the data channel of the WHEP
 * session while that is open. Reconnects, resumes, and delivers the timeline without gaps.
 */
export class Session extends Emitter<SessionEvents> {
  readonly serverClock = new ServerClock();
  private readonly timeline: Timeline;
  private readonly backoff = new Backoff();
  private readonly subscriptions = new Subscriptions();
  private socket: Carrier | null = null;
  private channel: Carrier | null = null;
  private active: Carrier | null = null;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private pinger: ReturnType<typeof setInterval> | undefined;
  private heardAt = 0;
  private everOpen = false;
  private restarted = false;
  private ended = false;

  constructor(private readonly options: SessionOptions) {
    super();
    this.timeline = new Timeline({
      event: (event) => this.emit('event', event),
      state: (state) => this.emit('state', state),
      missing: (after) => this.send('join', { after, sid: options.sid }),
    });
    this.subscriptions.add(
      options.identity.on('change', (token) => {
        if (token) this.send('auth', { token });
      }),
    );
    this.subscriptions.listen(window, 'online', () => this.reconnectNow());
  }

  start(): void {
    this.pinger = setInterval(() => this.ping(), config.pingMs);
    this.openSocket();
  }

  override destroy(): void {
    this.ended = true;
    clearTimeout(this.retry);
    clearInterval(this.pinger);
    this.subscriptions.destroy();
    this.socket?.destroy();
    this.channel?.destroy();
    super.destroy();
  }

  get isOpen(): boolean {
    return this.active !== null;
  }

  send<T extends ClientType>(type: T, data: ClientData<T>): boolean {
    return this.active?.send(renderMessage(type, data)) ?? false;
  }

  /** Takes over from the WebSocket once the server has spoken on it. */
  useChannel(channel: RTCDataChannel): void {
    this.channel?.destroy();
    const carrier = channelCarrier(channel, {
      open: () => this.join(carrier),
      message: (text) => this.onText(carrier, text),
      close: () => {
        if (this.channel !== carrier) return;
        this.channel = null;
        this.lose(carrier);
        if (!this.socket) this.openSocket();
      },
    });
    this.channel = carrier;
  }

  private openSocket(): void {
    clearTimeout(this.retry);
    if (this.ended || this.socket) return;
    if (!this.active) this.emit('status', 'connecting');
    const { api, identity, room, sid } = this.options;
    const url = new URL(api.url(`/ws/${encodeURIComponent(room)}`));
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    if (identity.token) url.searchParams.set('token', identity.token);
    this.everOpen = false;
    const carrier = webSocketCarrier(url.toString(), {
      open: () => {
        this.everOpen = true;
        this.join(carrier, sid);
      },
      message: (text) => this.onText(carrier, text),
      close: (code) => this.onSocketClose(carrier, code),
    });
    this.socket = carrier;
    this.heardAt = performance.now();
  }

  private join(carrier: Carrier, sid?: string): void {
    const after = this.timeline.seq;
    if (after === null && !sid) return;
    carrier.send(renderMessage('join', { ...(after === null ? {} : { after }), ...(sid ? { sid } : {}) }));
  }

  private onSocketClose(carrier: Carrier, code: number): void {
    this.socket = null;
    this.lose(carrier);
    if (this.ended || this.channel === this.active && this.active) return;
    const token = this.options.identity.token;
    if (code === 4401 && token) this.options.identity.refuse(token);
    if (code === 4404) {
      this.emit('status', 'gone');
      return;
    }
    this.emit('status', 'connecting');
    if (!this.everOpen) void this.explain(token);
    this.retry = setTimeout(() => this.openSocket(), this.backoff.next());
  }

  private lose(carrier: Carrier): void {
    if (this.active === carrier) this.active = null;
  }

  private async explain(token: string | null): Promise<void> {
    const { api, identity, room } = this.options;
    const verdict = await roomVerdict(api, room, token !== null && !identity.isGiven);
    if (this.ended || verdict === 'wait') return;
    if (verdict === 'renew') identity.refuse(token ?? '');
    else this.emit('status', verdict);
  }

  private reconnectNow(): void {
    this.backoff.reset();
    if (!this.socket && !this.active) this.openSocket();
  }

  private ping(): void {
    if (this.socket && performance.now() - this.heardAt > config.silenceMs) {
      const silent = this.socket;
      silent.destroy();
      this.onSocketClose(silent, 1006);
      return;
    }
    this.send('ping', { t: performance.timeOrigin + performance.now() });
  }

  private onText(carrier: Carrier, text: string): void {
    this.heardAt = performance.now();
    try {
      const { messages, faults } = parseBatch(text);
      for (const fault of faults) this.emit('fault', fault.message);
      for (const message of messages) this.onMessage(carrier, message);
    } catch (error) {
      this.emit('fault', String(error));
    }
  }

  private onMessage(carrier: Carrier, message: ServerMessage): void {
    if (isTimelineEvent(message)) {
      this.timeline.event(message);
      return;
    }
    switch (message.type) {
      case 'hello':
        return this.onHello(carrier, message.data);
      case 'state':
        this.timeline.state(message.data, this.restarted);
        this.restarted = false;
        return;
      case 'clock':
        return this.emit('clock', { clock: message.data, carrier: carrier.kind });
      case 'chat':
        return this.emit('chat', message.data);
      case 'like.sum':
        return this.emit('likes', message.data.n);
      case 'viewers':
        return this.emit('viewers', message.data.n);
      case 'order.sum':
        return this.emit('sold', message.data);
      case 'order.result':
        return this.emit('result', message.data);
      case 'pong':
        return this.serverClock.sample(message.data.server_us, message.data.t);
      case 'error':
        return this.emit('fault', `${message.data.type}: ${message.data.code}`);
      case 'drain':
        return this.onDrain(carrier);
    }
  }

  private onHello(carrier: Carrier, hello: Note<'hello'>): void {
    this.backoff.reset();
    this.serverClock.sample(hello.server_us, null);
    this.restarted = this.timeline.seq !== null && hello.seq < this.timeline.seq;
    const first = this.active !== carrier;
    if (first && !(this.active?.kind === 'channel' && carrier.kind === 'websocket')) this.active = carrier;
    if (carrier.kind === 'channel' && this.socket) {
      this.socket.destroy();
      this.socket = null;
    }
    const token = this.options.identity.token;
    if (first && token && hello.role === null) this.send('auth', { token });
    this.ping();
    this.emit('hello', hello);
    this.emit('status', 'open');
  }

  /** The server is going away: come back a little later than at once, not all together. */
  private onDrain(carrier: Carrier): void {
    if (carrier !== this.socket) return;
    carrier.destroy();
    this.onSocketClose(carrier, 1001);
  }
}
