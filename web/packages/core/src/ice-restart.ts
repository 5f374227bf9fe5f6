import { config } from './config.js';
import { ApiError } from './errors.js';
import type { SdpExchange } from './sdp-exchange.js';

/**
 * Gives a peer connection whose path is lost another one (RFC 8445 section 9): new credentials on both sides, the same
 * session. Asks again until the network is there; stops for good when the server knows the session no longer.
 */
export class IceRestarter {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running = false;

  constructor(
    private readonly peer: RTCPeerConnection,
    private readonly exchange: SdpExchange,
    private readonly signal: AbortSignal,
    private readonly onGone: (error: Error) => void,
  ) {}

  start(): void {
    if (this.running) return;
    this.running = true;
    addEventListener('online', this.again);
    void this.attempt();
  }

  stop(): void {
    this.running = false;
    clearTimeout(this.timer);
    removeEventListener('online', this.again);
  }

  private readonly again = () => {
    clearTimeout(this.timer);
    void this.attempt();
  };

  private async attempt(): Promise<void> {
    try {
      await this.restart();
    } catch (error) {
      if (this.running && error instanceof ApiError && error.status < 429) {
        this.stop();
        this.onGone(error);
      }
    }
    // Checks of the new generation need a moment; a request that failed met a network that is not there yet.
    if (this.running) this.timer = setTimeout(() => void this.attempt(), config.iceRestartMs);
  }

  private async restart(): Promise<void> {
    const { peer } = this;
    const isOpen = () => peer.signalingState === 'have-local-offer';
    if (peer.signalingState !== 'stable') return;
    await peer.setLocalDescription(await peer.createOffer({ iceRestart: true }));
    try {
      const answer = await this.exchange.restart(peer.localDescription?.sdp ?? '', this.signal);
      await peer.setRemoteDescription({ type: 'answer', sdp: answer });
    } catch (error) {
      if (isOpen()) await peer.setLocalDescription({ type: 'rollback' });
      throw error;
    }
  }
}

/** An offer's credentials as the body of PATCH (RFC 8840 section 9, RFC 9725 section 4.3.3). */
export function restartFragment(offer: string): string {
  const lines = offer.split(/\r?\n/);
  const first = (start: string) => lines.find((line) => line.startsWith(start)) ?? '';
  return ['a=ice-options:trickle', first('m='), first('a=mid:'), first('a=ice-ufrag:'), first('a=ice-pwd:'), ''].join('\r\n');
}

/** The session's answer with the server's new credentials and candidates. */
export function restartedAnswer(answer: string, fragment: string): string {
  const news = fragment.split(/\r?\n/);
  const credentials = (start: string) => news.find((line) => line.startsWith(start)) ?? '';
  const candidates = news.filter((line) => line.startsWith('a=candidate:'));
  const lines: string[] = [];
  for (const line of answer.split('\r\n')) {
    if (line.startsWith('a=candidate:')) lines.push(...candidates.splice(0));
    else if (line.startsWith('a=ice-ufrag:')) lines.push(credentials('a=ice-ufrag:'));
    else if (line.startsWith('a=ice-pwd:')) lines.push(credentials('a=ice-pwd:'));
    else lines.push(line);
  }
  return lines.join('\r\n');
}
