import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { EventScheduler } from './event-scheduler.js';
import { event } from './testing/fake-server.js';

describe('EventScheduler', () => {
  let applied: number[];
  let now: number;
  let serverUs: number;
  let scheduler: EventScheduler;
  const price = (seq: number, at: number) => event('price', seq, at, { sku: 'A1', price: { minor: 1, cur: 'CNY', rev: 1 } });

  beforeEach(() => {
    vi.useFakeTimers();
    applied = [];
    now = 0;
    serverUs = 100_000_000;
    scheduler = new EventScheduler({ apply: ({ seq }) => applied.push(seq), serverNowUs: () => serverUs, now: () => now });
  });

  afterEach(() => {
    scheduler.destroy();
    vi.useRealTimers();
  });

  test('applies an event with the first picture captured at or after it', () => {
    scheduler.frame(99_000_000, 0);
    scheduler.push(price(1, 99_066_667));
    scheduler.frame(99_033_333, 0);
    expect(applied).toEqual([]);
    scheduler.frame(99_066_667, 0);
    expect(applied).toEqual([1]);
  });

  test('applies late events at once', () => {
    scheduler.frame(99_000_000, 0);
    scheduler.push(price(1, 98_000_000));
    expect(applied).toEqual([1]);
  });

  test('orders by time, then by seq', () => {
    scheduler.frame(99_000_000, 0);
    scheduler.push(price(1, 99_500_000));
    scheduler.push(price(2, 99_200_000));
    scheduler.push(price(3, 99_500_000));
    scheduler.frame(99_600_000, 0);
    expect(applied).toEqual([2, 1, 3]);
  });

  test('never holds back stock and the state of the room', () => {
    scheduler.frame(99_000_000, 0);
    scheduler.push(event('stock', 1, 99_900_000, { sku: 'A1', left: 0 }));
    scheduler.push(event('room.ended', 2, 99_900_000, { state: 'ended' }));
    expect(applied).toEqual([1, 2]);
  });

  test('goes by server time when the picture stands still', () => {
    scheduler.frame(99_000_000, 0);
    scheduler.push(price(1, 99_500_000));
    now = 2000;
    vi.advanceTimersByTime(300);
    expect(applied).toEqual([1]);
  });

  test('goes by server time without a picture, also for what lies ahead', () => {
    scheduler.push(price(1, 100_400_000));
    vi.advanceTimersByTime(300);
    expect(applied).toEqual([]);
    serverUs = 100_500_000;
    vi.advanceTimersByTime(300);
    expect(applied).toEqual([1]);
  });

  test('does not trust a picture clock that would hold an event too long', () => {
    scheduler.frame(50_000_000, 0);
    scheduler.push(price(1, 89_000_000));
    expect(applied).toEqual([1]);
  });

  test('holds nothing back by a clock with a bad bound', () => {
    scheduler.frame(99_000_000, 2_000_000);
    scheduler.push(price(1, 99_900_000));
    expect(applied).toEqual([1]);
  });

  test('leaves out what has expired', () => {
    scheduler.push({ ...price(1, 98_000_000), expires_us: 99_000_000 });
    expect(applied).toEqual([]);
  });

  test('forgets what a state contains', () => {
    scheduler.frame(99_000_000, 0);
    scheduler.push(price(4, 99_500_000));
    scheduler.push(price(5, 99_500_000));
    scheduler.forget(4);
    scheduler.frame(99_900_000, 0);
    expect(applied).toEqual([5]);
  });
});
