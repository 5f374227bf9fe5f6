import { describe, expect, test } from 'vitest';
import { MediaClock, RtpClock } from './capture-clock.js';

const T = 1_795_226_035_123_456;
const clock = (more: object = {}) => ({ epoch: 1, media_us: 0, capture_us: T, rate_ppm: 0, err_us: 4000, rtp: 90_000, ...more });

describe('RtpClock', () => {
  test('knows nothing before the first clock', () => {
    expect(new RtpClock().capture(1)).toBeNull();
  });

  test('turns 90 kHz ticks into microseconds, before and after the anchor', () => {
    const rtp = new RtpClock();
    rtp.set(clock());
    expect(rtp.capture(93_000)).toEqual({ captureUs: T + 33_333, errUs: 4000 });
    expect(rtp.capture(87_000)?.captureUs).toBe(T - 33_333);
  });

  test('goes over the end of the 32-bit circle', () => {
    const rtp = new RtpClock();
    rtp.set(clock({ rtp: 0xffff_fff6 }));
    expect(rtp.capture(80)?.captureUs).toBe(T + 1000);
  });

  test('follows the rate of the source', () => {
    const rtp = new RtpClock();
    rtp.set(clock({ rate_ppm: 100 }));
    expect(rtp.capture(90_000 + 900_000)?.captureUs).toBe(T + 10_001_000);
  });

  test('takes a newer clock of the same epoch', () => {
    const rtp = new RtpClock();
    rtp.set(clock());
    rtp.set(clock({ rtp: 540_000, capture_us: T + 5_002_000 }));
    expect(rtp.capture(540_000)?.captureUs).toBe(T + 5_002_000);
    expect(rtp.capture(450_000)?.captureUs).toBe(T + 4_002_000);
  });

  test('leaves pictures of the last epoch their own clock', () => {
    const rtp = new RtpClock();
    rtp.set(clock());
    rtp.set(clock({ epoch: 2, rtp: 990_000, capture_us: T + 20_000_000 }));
    expect(rtp.capture(900_000)?.captureUs).toBe(T + 9_000_000);
    expect(rtp.capture(999_000)?.captureUs).toBe(T + 20_100_000);
  });

  test('passes over clocks of other carriers', () => {
    const rtp = new RtpClock();
    rtp.set({ epoch: 1, media_us: 0, capture_us: T, rate_ppm: 0, err_us: 0 });
    expect(rtp.capture(1)).toBeNull();
  });
});

describe('MediaClock', () => {
  test('starts with the first picture that was sent', () => {
    const media = new MediaClock();
    expect(media.capture(1)).toBeNull();
    media.set({ ...clock(), first_sent_capture_us: T });
    expect(media.capture(1.5)).toEqual({ captureUs: T + 1_500_000, errUs: 84_000 });
  });

  test('keeps to the anchor at or before the picture', () => {
    const media = new MediaClock();
    media.anchor(0, T);
    media.anchor(1, T + 1_000_000);
    media.anchor(2, T + 7_000_000);
    expect(media.capture(1.5)?.captureUs).toBe(T + 1_500_000);
    expect(media.capture(2.04)?.captureUs).toBe(T + 7_040_000);
    expect(media.capture(1.9999)?.captureUs).toBe(T + 6_999_900);
  });

  test('forgets anchors behind a step back and keeps a bounded number', () => {
    const media = new MediaClock();
    for (let second = 0; second < 100; second++) media.anchor(second, T + second * 1e6);
    media.anchor(50, T);
    expect(media.capture(60)?.captureUs).toBe(T + 10_000_000);
  });
});
