import { config } from './config.js';
import { NetworkError } from './errors.js';
import { request } from './http.js';
import { restartFragment, restartedAnswer } from './ice-restart.js';
import { iceServers } from './ice-servers.js';

/** What a connection gathers before servers are known serves it if none are named. */
const PEER: RTCConfiguration = { bundlePolicy: 'max-bundle', iceCandidatePoolSize: 1 };

/** A WHIP or WHEP session on the server (RFC 9725): made by an offer, ended by DELETE. */
export class SdpExchange {
  private constructor(
    readonly answer: string,
    private readonly servers: RTCIceServer[],
    private readonly location: string | null,
    private readonly token: string | null,
  ) {}

  static async post(url: string, offer: string, token: string | null, signal?: AbortSignal): Promise<SdpExchange> {
    const headers = { 'Content-Type': 'application/sdp', Accept: 'application/sdp' };
    const options = { method: 'POST', url, token, headers, body: offer };
    const answer = await request(signal ? { ...options, signal } : options);
    if (answer.text.length > config.sdpCharsMax) throw new NetworkError('SDP answer too long');
    const location = answer.headers.get('Location');
    return new SdpExchange(answer.text, iceServers(answer.headers.get('Link')), location && new URL(location, url).toString(), token);
  }

  /** A connection for `post` and `conclude`. */
  static peer(): RTCPeerConnection {
    return new RTCPeerConnection(PEER);
  }

  /** Gives the connection the offer that was posted and its answer. Only then it gathers, so that it does by the servers that the answer named. */
  async conclude(peer: RTCPeerConnection, offer: RTCSessionDescriptionInit): Promise<void> {
    if (this.servers.length > 0) peer.setConfiguration({ ...PEER, iceServers: this.servers });
    await peer.setLocalDescription(offer);
    await peer.setRemoteDescription({ type: 'answer', sdp: this.answer });
  }

  /** The answer to an offer that restarts ICE, in this session. */
  async restart(offer: string, signal: AbortSignal): Promise<string> {
    if (!this.location) throw new NetworkError('a session without a Location');
    const headers = { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' };
    const { token, location: url } = this;
    const timeoutMs = config.iceRestartMs;
    const { text } = await request({ method: 'PATCH', url, token, headers, body: restartFragment(offer), signal, timeoutMs });
    return restartedAnswer(this.answer, text);
  }

  /** Tells the server; keepalive lets the request outlive the page. Resolves when it knows, or never will. */
  async end(): Promise<void> {
    if (!this.location) return;
    const headers: Record<string, string> = this.token ? { Authorization: `Bearer ${this.token}` } : {};
    await fetch(this.location, { method: 'DELETE', headers, keepalive: true, credentials: 'omit' }).catch(() => {
      // The server ends a session that has gone silent by itself.
    });
  }
}
