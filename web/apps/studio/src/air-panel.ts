import { Subscriptions } from '@souk/core';
import type { PublishStats, Source } from '@souk/publisher';
import type { AirState, Broadcast } from './broadcast.js';
import { el } from './dom.js';
import type { Text } from './text.js';

const BUTTON = { off: 'goLive', connecting: 'connecting', live: 'stop', reconnecting: 'stop' } as const;
const BADGE = { off: 'offAir', connecting: 'connecting', live: 'onAir', reconnecting: 'reconnecting' } as const;

/** Preview, the one big button, and how the way out is doing. */
export class AirPanel {
  readonly element: HTMLElement;
  private readonly video = el('video', { autoplay: true, playsinline: true, 'aria-hidden': 'true' });
  private readonly hint: HTMLElement;
  private readonly badge = el('span', { class: 'badge air', role: 'status' });
  private readonly button = el('button', { class: 'button main go', type: 'button' });
  private readonly source: HTMLSelectElement;
  private readonly stats = el('dl', { class: 'stats' });
  private readonly fault = el('p', { class: 'fault', role: 'alert' });
  private readonly subscriptions = new Subscriptions();
  private roomLive = false;

  constructor(
    private readonly broadcast: Broadcast,
    private readonly t: Text,
  ) {
    this.video.muted = true;
    this.hint = el('p', { class: 'hint' });
    this.source = el(
      'select',
      { name: 'source' },
      el('option', { value: 'camera' }, t('camera')),
      el('option', { value: 'screen' }, t('screen')),
    );
    this.element = el(
      'section',
      { class: 'air-panel', 'aria-label': t('studio') },
      el('div', { class: 'preview' }, this.video, this.hint, this.badge),
      el('div', { class: 'controls' }, el('label', { class: 'field' }, t('source'), this.source), this.button),
      this.fault,
      this.stats,
    );
    this.button.addEventListener('click', () => void this.press());
    this.source.addEventListener('change', () => void this.attempt(() => this.broadcast.show(this.chosen)));
    this.subscriptions.add(
      broadcast.on('state', (state) => this.onState(state)),
      broadcast.on('stream', (stream) => this.onStream(stream)),
      broadcast.on('stats', (stats) => this.onStats(stats)),
      broadcast.on('error', (error) => this.showFault(error)),
    );
    this.onState(broadcast.state);
    this.onStats(null);
  }

  destroy(): void {
    this.subscriptions.destroy();
    this.element.remove();
  }

  /** Whether the room is live; when this page is not, another program is. */
  setRoomLive(live: boolean): void {
    if (this.roomLive === live) return;
    this.roomLive = live;
    this.onState(this.broadcast.state);
  }

  private get chosen(): Source {
    return this.source.value === 'screen' ? 'screen' : 'camera';
  }

  private press(): Promise<void> {
    if (this.broadcast.state !== 'off') {
      this.broadcast.stop();
      return Promise.resolve();
    }
    return this.attempt(() => this.broadcast.start(this.chosen));
  }

  private async attempt(action: () => Promise<void>): Promise<void> {
    this.fault.textContent = '';
    try {
      await action();
    } catch (error) {
      this.showFault(error);
    }
  }

  private showFault(error: unknown): void {
    this.fault.textContent = this.t.error(error);
  }

  private onStream(stream: MediaStream | null): void {
    this.video.srcObject = stream;
    this.hint.hidden = stream !== null;
  }

  private onState(state: AirState): void {
    this.element.dataset['state'] = state;
    this.button.textContent = this.t(BUTTON[state]);
    this.button.disabled = state === 'connecting';
    this.button.classList.toggle('stop', state === 'live' || state === 'reconnecting');
    const elsewhere = state === 'off' && this.roomLive;
    this.hint.textContent = this.t(elsewhere ? 'elsewhere' : 'preview');
    this.badge.textContent = this.t(elsewhere ? 'onAir' : BADGE[state]);
    this.badge.dataset['state'] = elsewhere || state === 'live' ? 'live' : state === 'reconnecting' ? 'lost' : 'idle';
    if (state === 'off') this.onStats(null);
  }

  private onStats(stats: PublishStats | null): void {
    const { t } = this;
    const limit = stats && (['none', 'cpu', 'bandwidth'] as const).find((known) => known === stats.limit);
    const rows: [string, string, string][] = [
      ['bitrate', t('bitrate'), stats ? `${(stats.bitrate / 1e6).toFixed(1)} Mbit/s` : '–'],
      ['fps', t('fps'), stats ? `${Math.round(stats.framesPerSecond)} /s` : '–'],
      ['size', t('size'), stats ? `${stats.width} × ${stats.height}` : '–'],
      ['limit', t('limit'), stats ? t(limit ?? 'other') : '–'],
      ['rtt', t('rtt'), stats?.rttMs === undefined || stats.rttMs === null ? '–' : `${Math.round(stats.rttMs)} ms`],
    ];
    this.stats.replaceChildren(
      ...rows.map(([name, label, value]) => el('div', { 'data-stat': name }, el('dt', {}, label), el('dd', {}, value))),
    );
  }
}
