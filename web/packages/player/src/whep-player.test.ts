import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { config } from './config.js';
import { PlayerError } from './errors.js';
import type { ShownFrame } from './events.js';
import { WhepPlayer } from './whep-player.js';

type FrameCallback = (now: number, metadata: object) => void;

class FakePeer {
  static last: FakePeer;
  connectionState = 'new';
  onconnectionstatechange: (() => void) | null = null;
  readonly transport = Object.assign(new EventTarget(), { state: 'connected' });
  readonly transceivers: { kind: string; init: object; receiver: object; setCodecPreferences: ReturnType<typeof vi.fn> }[] = [];
  readonly channels: EventTarget[] = [];
  isSilent = false;
  private bytesReceived = 0;
  getStats = () => {
    this.bytesReceived += this.isSilent ? 0 : 100;
    return Promise.resolve(new Map([['t', { type: 'transport', bytesReceived: this.bytesReceived }]]));
  };
  signalingState = 'stable';
  close = vi.fn();
  readonly steps: unknown[] = [];
  setConfiguration = (configuration: object) => void this.steps.push(configuration);
  setRemoteDescription = vi.fn(() => Promise.resolve());
  constructor() {
    FakePeer.last = this;
  }
  addTransceiver(kind: string, init: object) {
    const transceiver = { kind, init, receiver: { transport: this.transport }, setCodecPreferences: vi.fn() };
    this.transceivers.push(transceiver);
    return transceiver;
  }
  createDataChannel(label: string) {
    const channel = Object.assign(new EventTarget(), { label });
    this.channels.push(channel);
    return channel;
  }
  createOffer = () => Promise.resolve({ type: 'offer', sdp: 'v=0 offer' });
  setLocalDescription = (description: object) => Promise.resolve(void this.steps.push(description));
  become(state: string) {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}

describe('WhepPlayer', () => {
  let onFrame: FrameCallback;
  let player: WhepPlayer;
  let failures: Error[];
  let fetched: { method: string; url: string; body: unknown }[];
  let links: Record<string, string>;

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('RTCPeerConnection', FakePeer);
    vi.stubGlobal('MediaStream', class {});
    vi.stubGlobal('RTCRtpReceiver', { getCapabilities: () => ({ codecs: [{ mimeType: 'video/VP8' }, { mimeType: 'video/H264' }] }) });
    fetched = [];
    links = {};
    vi.stubGlobal('fetch', (url: string, { method, body }: { method: string; body: unknown }) => {
      fetched.push({ method, url, body });
      return Promise.resolve({ ok: true, status: 201, headers: new Headers({ Location: '/whep/demo/01-a', ...links }), text: () => Promise.resolve('v=0 answer') });
    });
    const video = { srcObject: null, requestVideoFrameCallback: (callback: FrameCallback) => ((onFrame = callback), 1), cancelVideoFrameCallback: vi.fn() };
    player = new WhepPlayer({ video: video as unknown as HTMLVideoElement, url: 'http://souk.test/whep/demo', token: 't', sid: 'sid45678' });
    failures = [];
    player.on('failed', (error) => failures.push(error));
  });

  afterEach(() => {
    player.destroy();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  const connect = async () => {
    player.start();
    await vi.advanceTimersByTimeAsync(0);
    FakePeer.last.become('connected');
  };

  test('offers sound, picture with H.264 first, and the channel souk', async () => {
    await connect();
    const { transceivers, channels } = FakePeer.last;
    expect(transceivers.map(({ kind, init }) => [kind, init])).toEqual([['audio', { direction: 'recvonly' }], ['video', { direction: 'recvonly' }]]);
    expect(transceivers[1]?.setCodecPreferences).toHaveBeenCalledWith([{ mimeType: 'video/H264' }, { mimeType: 'video/VP8' }]);
    expect(channels).toMatchObject([{ label: 'souk' }]);
    expect(fetched[0]).toMatchObject({ method: 'POST', body: 'v=0 offer' });
    expect(FakePeer.last.setRemoteDescription).toHaveBeenCalledWith({ type: 'answer', sdp: 'v=0 answer' });
  });

  test('gathers by the relay that the answer names', async () => {
    links = { Link: '<turn:relay.test>; rel="ice-server"; username="1:a"; credential="b"' };
    await connect();
    const iceServers = [{ urls: 'turn:relay.test', username: '1:a', credential: 'b' }];
    expect(FakePeer.last.steps).toEqual([{ bundlePolicy: 'max-bundle', iceCandidatePoolSize: 1, iceServers }, { type: 'offer', sdp: 'v=0 offer' }]);
  });

  test('tells the capture time of each picture by its RTP timestamp', async () => {
    const frames: ShownFrame[] = [];
    player.on('frame', (frame) => frames.push(frame));
    await connect();
    onFrame(0, { mediaTime: 0, rtpTimestamp: 90_000, width: 1280, height: 720 });
    player.setClock({ epoch: 1, media_us: 0, capture_us: 5_000_000, rate_ppm: 0, err_us: 7, rtp: 90_000 });
    onFrame(0, { mediaTime: 0, rtpTimestamp: 99_000, width: 1280, height: 720 });
    expect(frames).toEqual([
      { captureUs: null, errUs: 0, width: 1280, height: 720 },
      { captureUs: 5_100_000, errUs: 7, width: 1280, height: 720 },
    ]);
  });

  test('fails when no picture comes', async () => {
    await connect();
    await vi.advanceTimersByTimeAsync(6_100);
    expect(failures).toMatchObject([{ fault: 'timeout' }]);
    expect(failures[0]).toBeInstanceOf(PlayerError);
  });

  test('gives a lost connection some time to come back', async () => {
    await connect();
    onFrame(0, { mediaTime: 0, width: 1, height: 1 });
    FakePeer.last.become('disconnected');
    await vi.advanceTimersByTimeAsync(config.disconnectedMs - 1_000);
    FakePeer.last.become('connected');
    await vi.advanceTimersByTimeAsync(2 * config.disconnectedMs);
    expect(failures).toEqual([]);
    FakePeer.last.become('disconnected');
    await vi.advanceTimersByTimeAsync(config.disconnectedMs + 100);
    expect(failures).toMatchObject([{ fault: 'network' }]);
  });

  test('restarts ICE when no byte comes, long before the browser sees it', async () => {
    await connect();
    onFrame(0, { mediaTime: 0, width: 1, height: 1 });
    await vi.advanceTimersByTimeAsync(5 * config.silentMs);
    expect(fetched.map(({ method }) => method)).toEqual(['POST']);
    FakePeer.last.isSilent = true;
    await vi.advanceTimersByTimeAsync(config.silentMs);
    expect(fetched.at(-1)).toMatchObject({ method: 'PATCH', url: 'http://souk.test/whep/demo/01-a' });
    FakePeer.last.isSilent = false;
    await vi.advanceTimersByTimeAsync(2 * config.disconnectedMs);
    expect(failures).toEqual([]);
  });

  test('fails at once when the server says goodbye', async () => {
    await connect();
    onFrame(0, { mediaTime: 0, width: 1, height: 1 });
    const { transport } = FakePeer.last;
    transport.state = 'closed';
    transport.dispatchEvent(new Event('statechange'));
    expect(failures).toMatchObject([{ fault: 'network' }]);
  });

  test('ends the session on the server and the channel in the page', async () => {
    await connect();
    let closed = 0;
    FakePeer.last.channels[0]?.addEventListener('close', () => closed++);
    player.destroy();
    expect(fetched.at(-1)).toMatchObject({ method: 'DELETE', url: 'http://souk.test/whep/demo/01-a' });
    expect(FakePeer.last.close).toHaveBeenCalled();
    expect(closed).toBe(1);
  });
});
