import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { config } from './config.js';
import { IceRestarter } from './ice-restart.js';
import { SdpExchange } from './sdp-exchange.js';

const OFFER = ['v=0', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=mid:0', 'a=ice-ufrag:new1', 'a=ice-pwd:newpwd', 'm=video 9 UDP/TLS/RTP/SAVPF 96', 'a=mid:1', 'a=ice-ufrag:new1', ''].join('\r\n');
const ANSWER = ['v=0', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=ice-ufrag:old', 'a=ice-pwd:oldpwd', 'a=candidate:1 1 UDP 1 192.0.2.1 7000 typ host', 'a=candidate:2 1 TCP 1 192.0.2.1 7000 typ host', 'a=sendonly', ''].join('\r\n');
const FRAGMENT = ['a=ice-lite', 'm=audio 9 UDP/TLS/RTP/SAVPF 0', 'a=mid:0', 'a=ice-ufrag:srv2', 'a=ice-pwd:srvpwd2', 'a=candidate:3 1 UDP 1 192.0.2.2 7000 typ host', 'a=end-of-candidates', ''].join('\r\n');

class FakePeer {
  signalingState = 'stable';
  localDescription = { sdp: '' };
  createOffer = vi.fn(() => Promise.resolve({ type: 'offer', sdp: OFFER }));
  setLocalDescription = vi.fn((description: { type: string; sdp: string }) => {
    this.signalingState = description.type === 'rollback' ? 'stable' : 'have-local-offer';
    this.localDescription = description;
    return Promise.resolve();
  });
  setRemoteDescription = vi.fn(() => {
    this.signalingState = 'stable';
    return Promise.resolve();
  });
}

describe('IceRestarter', () => {
  let patches: { url: string; headers: Record<string, string>; body: string }[];
  let reply: () => Promise<object>;
  let peer: FakePeer;
  let gone: Error[];
  let restarter: IceRestarter;

  const ok = (text: string) => () => Promise.resolve({ ok: true, status: 200, headers: new Headers(), text: () => Promise.resolve(text) });

  beforeEach(async () => {
    vi.useFakeTimers();
    vi.stubGlobal('addEventListener', vi.fn());
    vi.stubGlobal('removeEventListener', vi.fn());
    patches = [];
    gone = [];
    peer = new FakePeer();
    vi.stubGlobal('fetch', (url: string, init: { method: string; headers: Record<string, string>; body: string }) => {
      if (init.method === 'POST')
        return Promise.resolve({ ok: true, status: 201, headers: new Headers({ Location: '/whep/demo/01-a' }), text: () => Promise.resolve(ANSWER) });
      patches.push({ url, headers: init.headers, body: init.body });
      return reply();
    });
    const exchange = await SdpExchange.post('http://souk.test/whep/demo', 'v=0', null);
    restarter = new IceRestarter(peer as unknown as RTCPeerConnection, exchange, new AbortController().signal, (error) => gone.push(error));
  });

  afterEach(() => {
    restarter.stop();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  test('sends its new credentials to the session and takes the server\'s', async () => {
    reply = ok(FRAGMENT);
    restarter.start();
    await vi.advanceTimersByTimeAsync(0);
    expect(patches).toMatchObject([{ url: 'http://souk.test/whep/demo/01-a', headers: { 'If-Match': '*', 'Content-Type': 'application/trickle-ice-sdpfrag' } }]);
    expect(patches[0]?.body).toBe('a=ice-options:trickle\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:new1\r\na=ice-pwd:newpwd\r\n');
    const sdp = ['v=0', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=ice-ufrag:srv2', 'a=ice-pwd:srvpwd2', 'a=candidate:3 1 UDP 1 192.0.2.2 7000 typ host', 'a=sendonly', ''].join('\r\n');
    expect(peer.setRemoteDescription).toHaveBeenCalledWith({ type: 'answer', sdp });
    expect(peer.createOffer).toHaveBeenCalledWith({ iceRestart: true });
  });

  test('asks again until the network is there, each time from a stable state', async () => {
    reply = () => Promise.reject(new TypeError('offline'));
    restarter.start();
    await vi.advanceTimersByTimeAsync(0);
    expect(peer.signalingState).toBe('stable');
    await vi.advanceTimersByTimeAsync(2 * config.iceRestartMs);
    expect(patches).toHaveLength(3);
    expect(gone).toEqual([]);
    restarter.stop();
    await vi.advanceTimersByTimeAsync(5 * config.iceRestartMs);
    expect(patches).toHaveLength(3);
  });

  test('gives up a session that the server knows no longer', async () => {
    reply = () => Promise.resolve({ ok: false, status: 404, headers: new Headers(), text: () => Promise.resolve('') });
    restarter.start();
    await vi.advanceTimersByTimeAsync(10 * config.iceRestartMs);
    expect(patches).toHaveLength(1);
    expect(gone).toMatchObject([{ status: 404 }]);
  });
});
