import { ApiClient, ApiError } from '@souk/core';
import type { PlayItem } from '@souk/protocol';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Engine, EngineOptions } from './engine.js';
import { RoomPlayer } from './room-player.js';

const made: { kind: string; engine: Engine; options: EngineOptions }[] = [];

vi.mock('./whep-player.js', async () => ({ WhepPlayer: await fakeEngine('whep') }));
vi.mock('./flv-player.js', async () => ({ FlvPlayer: await fakeEngine('flv') }));

async function fakeEngine(kind: string) {
  const { Engine: Base } = await import('./engine.js');
  return class extends Base {
    static isSupported = () => true;
    constructor(options: EngineOptions) {
      super(options);
      made.push({ kind, engine: this, options });
    }
    start(): void {}
    setClock(): void {}
  };
}

const items: PlayItem[] = [
  { kind: 'hologram', url: '/x' },
  { kind: 'whep', url: '/whep/demo', rendition: 'source' },
  { kind: 'flv', url: '/live/demo.flv', rendition: 'source' },
];

describe('RoomPlayer', () => {
  let player: RoomPlayer;
  let statuses: string[];
  const api = new ApiClient('http://souk.test');
  const video = document.createElement('video');
  const last = () => made.at(-1)!;

  const create = async (only?: string) => {
    player = new RoomPlayer({ room: 'demo', api, video, sid: 'sid45678', token: () => 'tok', only });
    player.on('status', (status) => statuses.push(status));
    player.start();
    await vi.advanceTimersByTimeAsync(0);
  };

  beforeEach(() => {
    vi.useFakeTimers();
    made.length = 0;
    statuses = [];
    vi.spyOn(api, 'play').mockImplementation(() => Promise.resolve({ live: true, items }));
    vi.spyOn(video, 'play').mockResolvedValue(undefined);
  });

  afterEach(() => {
    player.destroy();
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  test('takes the best kind that it knows', async () => {
    await create();
    expect(made.map(({ kind }) => kind)).toEqual(['whep']);
    expect(last().options).toMatchObject({ url: 'http://souk.test/whep/demo', token: 'tok', sid: 'sid45678' });
    last().engine.emit('playing', null);
    expect(statuses).toEqual(['connecting', 'playing']);
  });

  test('plays each source once it is attached, not before', async () => {
    await create();
    expect(video.play).not.toHaveBeenCalled();
    last().engine.emit('attached', null);
    last().engine.emit('failed', new Error('timeout'));
    await vi.advanceTimersByTimeAsync(1_000);
    last().engine.emit('attached', null);
    expect(video.play).toHaveBeenCalledTimes(2);
  });

  test('goes on to FLV when WebRTC shows no picture, and stays there for a while', async () => {
    await create();
    last().engine.emit('failed', new Error('timeout'));
    await vi.advanceTimersByTimeAsync(1_000);
    last().engine.emit('playing', null);
    last().engine.emit('failed', new Error('gone'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(made.map(({ kind }) => kind)).toEqual(['whep', 'flv', 'flv']);
  });

  test('tries WebRTC again when it had worked before', async () => {
    await create();
    last().engine.emit('playing', null);
    last().engine.emit('failed', new Error('network'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(made.map(({ kind }) => kind)).toEqual(['whep', 'whep']);
  });

  test('does not blame a way for a room that is not live', async () => {
    await create();
    last().engine.emit('failed', new ApiError(409, 'not_live', null, 2_000));
    expect(statuses.at(-1)).toBe('offline');
    await vi.advanceTimersByTimeAsync(1_500);
    expect(made).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(600);
    expect(made.map(({ kind }) => kind)).toEqual(['whep', 'whep']);
  });

  test('plays at once when an unreachable server is heard again', async () => {
    vi.mocked(api.play).mockRejectedValueOnce(new TypeError('refused'));
    await create();
    player.start();
    await vi.advanceTimersByTimeAsync(0);
    expect(made).toHaveLength(1);
  });

  test('asks again while the room has no picture', async () => {
    vi.mocked(api.play).mockResolvedValueOnce({ live: false, items });
    await create();
    expect(made).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(2_100);
    expect(made).toHaveLength(1);
  });

  test('keeps to the one kind that was asked for', async () => {
    await create('flv');
    expect(made.map(({ kind }) => kind)).toEqual(['flv']);
  });

  test('plays silently where the browser wants a gesture, and says so', async () => {
    const muted: boolean[] = [];
    vi.mocked(video.play).mockRejectedValueOnce(new DOMException('no gesture', 'NotAllowedError'));
    await create();
    player.on('muted', (value) => muted.push(value));
    last().engine.emit('attached', null);
    await vi.advanceTimersByTimeAsync(0);
    expect(video.muted).toBe(true);
    player.unmute();
    await vi.advanceTimersByTimeAsync(0);
    expect(muted.at(-1)).toBe(false);
  });

  test('does nothing more after stop', async () => {
    await create();
    player.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(made).toHaveLength(1);
    expect(statuses.at(-1)).toBe('idle');
  });
});
