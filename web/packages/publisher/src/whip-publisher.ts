import { Emitter, IceRestarter, SdpExchange } from '@souk/core';
import { config } from './config.js';
import { type PublishStats, StatsReader } from './stats.js';

export interface PublisherOptions {
  url: string;
  token: string | null;
  stream: MediaStream;
}

export interface PublisherEvents {
  live: null;
  stats: PublishStats;
  /** The last event. */
  failed: Error;
}

/** One publish session by WHIP (RFC 9725): H.264 first, 720p kept as long as the path carries it. */
export class WhipPublisher extends Emitter<PublisherEvents> {
  private readonly abort = new AbortController();
  private readonly reader = new StatsReader();
  private readonly peer = SdpExchange.peer();
  private exchange: SdpExchange | null = null;
  private restarter: IceRestarter | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private poll: ReturnType<typeof setInterval> | undefined;
  private wasLive = false;
  private lost = false;
  private ended = false;

  constructor(private readonly options: PublisherOptions) {
    super();
  }

  start(): void {
    this.timer = setTimeout(() => this.fail(new Error('no connection')), config.connectMs);
    this.connect().catch((error: unknown) => this.fail(error instanceof Error ? error : new Error(String(error))));
  }

  override destroy(): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.timer);
    clearInterval(this.poll);
    this.restarter?.stop();
    this.abort.abort();
    this.peer.onconnectionstatechange = null;
    for (const sender of this.peer.getSenders()) void sender.replaceTrack(null);
    // A connection that closes before the DELETE is heard is one that broke: viewers would wait for us.
    const told = this.exchange?.end() ?? Promise.resolve();
    void Promise.race([told, new Promise((done) => setTimeout(done, config.goodbyeMs))]).then(() => this.peer.close());
    super.destroy();
  }

  /** Another camera or the screen, without a new session. */
  async replace(stream: MediaStream): Promise<void> {
    for (const sender of this.peer.getSenders()) {
      const track = stream.getTracks().find(({ kind }) => kind === sender.track?.kind);
      if (track) await sender.replaceTrack(track);
    }
  }

  private async connect(): Promise<void> {
    const { peer, options } = this;
    peer.onconnectionstatechange = () => this.onConnection(peer.connectionState);
    for (const track of options.stream.getTracks()) this.addTrack(track);
    const offer = await peer.createOffer();
    const exchange = await SdpExchange.post(options.url, offer.sdp ?? '', options.token, this.abort.signal);
    if (this.ended) {
      void exchange.end();
      return;
    }
    this.exchange = exchange;
    this.restarter = new IceRestarter(peer, exchange, this.abort.signal, (error) => this.fail(error));
    await exchange.conclude(peer, offer);
  }

  private addTrack(track: MediaStreamTrack): void {
    const isVideo = track.kind === 'video';
    if (isVideo) track.contentHint = 'motion';
    const encoding: RTCRtpEncodingParameters = isVideo
      ? { maxBitrate: config.maxBitrate, maxFramerate: config.frameRate }
      : { maxBitrate: config.audioBitrate };
    const transceiver = this.peer.addTransceiver(track, {
      direction: 'sendonly',
      streams: [this.options.stream],
      sendEncodings: [encoding],
    });
    if (!isVideo) return;
    preferH264(transceiver);
    // Sharp text on a product beats motion: drop frames before pixels.
    const parameters = transceiver.sender.getParameters();
    parameters.degradationPreference = 'maintain-resolution';
    transceiver.sender.setParameters(parameters).catch(() => undefined);
  }

  private onConnection(state: RTCPeerConnectionState): void {
    if (state === 'connected') {
      clearTimeout(this.timer);
      this.restarter?.stop();
      this.wasLive = true;
      this.lost = false;
      this.poll ??= setInterval(() => void this.readStats(), config.statsMs);
      this.emit('live', null);
    } else if (state === 'closed' || (state === 'failed' && !this.wasLive)) {
      this.fail(new Error(`connection ${state}`));
    } else if ((state === 'disconnected' || state === 'failed') && this.wasLive && !this.lost) {
      this.lost = true;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.fail(new Error('connection lost')), config.disconnectedMs);
      this.restarter?.start();
    }
  }

  private async readStats(): Promise<void> {
    const stats = this.reader.read(await this.peer.getStats());
    if (stats && !this.ended) this.emit('stats', stats);
  }

  private fail(error: Error): void {
    if (this.ended) return;
    this.emit('failed', error);
    this.destroy();
  }
}

function preferH264(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpSender.getCapabilities?.('video')?.codecs ?? [];
  const isH264 = ({ mimeType }: { mimeType: string }) => mimeType.toLowerCase() === 'video/h264';
  const first = codecs.filter(isH264);
  if (first.length === 0 || !transceiver.setCodecPreferences) return;
  transceiver.setCodecPreferences([...first, ...codecs.filter((codec) => !isH264(codec))]);
}
