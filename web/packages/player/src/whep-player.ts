import { IceRestarter, SdpExchange } from '@souk/core';
import { CHANNEL_LABEL, type Clock } from '@souk/protocol';
import { RtpClock } from './capture-clock.js';
import { config } from './config.js';
import { Engine } from './engine.js';
import { PlayerError } from './errors.js';
import { type PresentedFrame, watchFrames } from './frame-watcher.js';

/** WebRTC by WHEP: pictures, sound and the data channel `souk` in one peer connection. */
export class WhepPlayer extends Engine {
  private readonly clock = new RtpClock();
  private readonly abort = new AbortController();
  private peer: RTCPeerConnection | null = null;
  private exchange: SdpExchange | null = null;
  private restarter: IceRestarter | null = null;
  private receiver: RTCRtpReceiver | null = null;
  private channel: RTCDataChannel | null = null;
  private unwatch: (() => void) | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private hasFrame = false;
  private lost = false;
  private bytes = -1;
  private watchdog: ReturnType<typeof setInterval> | undefined;

  static isSupported(): boolean {
    return typeof RTCPeerConnection === 'function';
  }

  start(): void {
    this.timer = setTimeout(() => this.fail(new PlayerError('timeout', 'no picture by WebRTC')), config.firstFrameMs);
    this.connect().catch((error: unknown) => {
      if (!this.abort.signal.aborted) this.fail(error instanceof Error ? error : new Error(String(error)));
    });
  }

  setClock(clock: Clock): void {
    this.clock.set(clock);
  }

  override destroy(): void {
    super.destroy();
    clearTimeout(this.timer);
    clearInterval(this.watchdog);
    this.restarter?.stop();
    this.abort.abort();
    this.unwatch?.();
    void this.exchange?.end();
    this.peer?.close();
    // Closing the connection fires no event on its channels (WebRTC 1.0 section 4.4.1.3).
    this.channel?.dispatchEvent(new Event('close'));
    this.options.video.srcObject = null;
  }

  private async connect(): Promise<void> {
    const { url, token, video } = this.options;
    const peer = (this.peer = SdpExchange.peer());
    const stream = new MediaStream();
    peer.ontrack = ({ track }) => stream.addTrack(track);
    peer.onconnectionstatechange = () => this.onConnection(peer.connectionState);
    peer.addTransceiver('audio', { direction: 'recvonly' });
    const picture = peer.addTransceiver('video', { direction: 'recvonly' });
    this.receiver = picture.receiver;
    preferH264(picture);
    this.channel = peer.createDataChannel(CHANNEL_LABEL, { ordered: true });
    this.emit('channel', this.channel);
    // ICE-lite: the server learns our addresses from our checks, so nothing is gathered first.
    const offer = await peer.createOffer();
    const exchange = await SdpExchange.post(url, offer.sdp ?? '', token, this.abort.signal);
    if (this.abort.signal.aborted) {
      void exchange.end();
      return;
    }
    this.exchange = exchange;
    this.restarter = new IceRestarter(peer, exchange, this.abort.signal, (error) => this.fail(error));
    await exchange.conclude(peer, offer);
    const transport = picture.receiver.transport;
    // The server's goodbye (close_notify); connectionState takes seconds to see that nobody is there.
    transport?.addEventListener('statechange', () => transport.state === 'closed' && this.fail(new PlayerError('network', 'ended by the server')));
    video.srcObject = stream;
    this.emit('attached', null);
    this.unwatch = watchFrames(video, (frame) => this.onFrame(frame), () => this.rtpNow());
  }

  private onConnection(state: RTCPeerConnectionState): void {
    if (state === 'closed' || (state === 'failed' && !this.hasFrame)) {
      this.fail(new PlayerError('network', `peer connection ${state}`));
    } else if (state === 'disconnected' || state === 'failed') {
      if (this.hasFrame) this.lose();
    } else if (state === 'connected' && this.hasFrame) {
      this.found();
    }
  }

  private lose(): void {
    if (this.lost) return;
    this.lost = true;
    this.restarter?.start();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fail(new PlayerError('network', 'connection lost')), config.disconnectedMs);
  }

  private found(): void {
    this.lost = false;
    this.restarter?.stop();
    clearTimeout(this.timer);
  }

  /** Browsers take five seconds to call a connection lost; a phone that changes its network knows after one or two. */
  private async watch(): Promise<void> {
    const bytes = await this.bytesReceived();
    if (this.abort.signal.aborted) return;
    const silent = bytes >= 0 && bytes === this.bytes;
    this.bytes = bytes;
    if (silent) this.lose();
    else if (this.lost && this.peer?.connectionState === 'connected') this.found();
  }

  private async bytesReceived(): Promise<number> {
    for (const stats of (await this.peer?.getStats())?.values() ?? []) if (stats.type === 'transport') return stats.bytesReceived;
    return -1;
  }

  private onFrame(frame: PresentedFrame): void {
    if (!this.hasFrame) {
      this.hasFrame = true;
      clearTimeout(this.timer);
      this.watchdog = setInterval(() => void this.watch(), config.silentMs);
      this.emit('playing', null);
    }
    const captured = frame.rtpTimestamp === null ? null : this.clock.capture(frame.rtpTimestamp);
    const { width, height } = frame;
    this.emit('frame', { captureUs: captured?.captureUs ?? null, errUs: captured?.errUs ?? 0, width, height });
  }

  /** For engines whose frame callback tells no timestamp. */
  private rtpNow(): number | null {
    return this.receiver?.getSynchronizationSources?.()[0]?.rtpTimestamp ?? null;
  }
}

/** What the server has is H.264; the others stay behind it, as a refusal should name what is missing. */
function preferH264(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpReceiver.getCapabilities?.('video')?.codecs ?? [];
  const isH264 = ({ mimeType }: { mimeType: string }) => mimeType.toLowerCase() === 'video/h264';
  const first = codecs.filter(isH264);
  if (first.length === 0 || !transceiver.setCodecPreferences) return;
  transceiver.setCodecPreferences([...first, ...codecs.filter((codec) => !isH264(codec))]);
}
