import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { WhipPublisher } from './whip-publisher.js';

class FakePeer {
  static last: FakePeer;
  connectionState = 'new';
  onconnectionstatechange: (() => void) | null = null;
  readonly sender = { track: null, replaceTrack: vi.fn(() => Promise.resolve()) };
  close = vi.fn();
  setRemoteDescription = vi.fn(() => Promise.resolve());
  createOffer = () => Promise.resolve({ type: 'offer', sdp: 'v=0 offer' });
  setLocalDescription = () => Promise.resolve();
  getSenders = () => [this.sender];
  getStats = () => Promise.resolve(new Map());
  constructor() {
    FakePeer.last = this;
  }
  become(state: string) {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}

describe('WhipPublisher', () => {
  let publisher: WhipPublisher;
  let answerDelete: () => void;
  let methods: string[];

  beforeEach(async () => {
    vi.useFakeTimers();
    vi.stubGlobal('RTCPeerConnection', FakePeer);
    methods = [];
    vi.stubGlobal('fetch', (_: string, { method }: { method: string }) => {
      methods.push(method);
      const answer = { ok: true, status: 201, headers: new Headers({ Location: '/whip/demo/01-a' }), text: () => Promise.resolve('v=0 answer') };
      return method === 'POST' ? Promise.resolve(answer) : new Promise((done) => (answerDelete = () => done({ ok: true, status: 200 })));
    });
    publisher = new WhipPublisher({ url: 'http://souk.test/whip/demo', token: 't', stream: { getTracks: () => [] } as unknown as MediaStream });
    publisher.start();
    await vi.advanceTimersByTimeAsync(0);
  });

  afterEach(() => {
    publisher.destroy();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  test('goes live by offer and answer', () => {
    let live = 0;
    publisher.on('live', () => live++);
    FakePeer.last.become('connected');
    expect(FakePeer.last.setRemoteDescription).toHaveBeenCalledWith({ type: 'answer', sdp: 'v=0 answer' });
    expect(live).toBe(1);
  });

  test('says goodbye before it closes the connection', async () => {
    publisher.destroy();
    expect(methods).toEqual(['POST', 'DELETE']);
    expect(FakePeer.last.sender.replaceTrack).toHaveBeenCalledWith(null);
    await vi.advanceTimersByTimeAsync(100);
    expect(FakePeer.last.close).not.toHaveBeenCalled();
    answerDelete();
    await vi.advanceTimersByTimeAsync(0);
    expect(FakePeer.last.close).toHaveBeenCalledTimes(1);
  });

  test('closes in any case when nobody hears the goodbye', async () => {
    publisher.destroy();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(FakePeer.last.close).toHaveBeenCalled();
  });

  test('fails once when the connection fails', () => {
    const failures: Error[] = [];
    publisher.on('failed', (error) => failures.push(error));
    FakePeer.last.become('failed');
    FakePeer.last.become('closed');
    expect(failures).toHaveLength(1);
  });
});
