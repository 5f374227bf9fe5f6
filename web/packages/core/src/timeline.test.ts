import { beforeEach, describe, expect, test } from 'vitest';
import { event, state } from './testing/fake-server.js';
import { Timeline } from './timeline.js';

describe('Timeline', () => {
  let told: number[];
  let states: number[];
  let missing: number[];
  let now: number;
  let timeline: Timeline;
  const hear = (seq: number) => timeline.event(event('stock', seq, 1, { sku: 'A1', left: 1 }));

  beforeEach(() => {
    told = [];
    states = [];
    missing = [];
    now = 0;
    timeline = new Timeline(
      {
        event: ({ seq }) => told.push(seq),
        state: ({ seq }) => states.push(seq),
        missing: (after) => missing.push(after),
      },
      () => now,
    );
  });

  test('keeps events back until the first state', () => {
    hear(6);
    expect(told).toEqual([]);
    timeline.state(state(5));
    expect(told).toEqual([6]);
  });

  test('drops what the state contains and what was told before', () => {
    timeline.state(state(5));
    for (const seq of [4, 5, 6, 6, 7]) hear(seq);
    expect(told).toEqual([6, 7]);
  });

  test('asks once for a hole and goes on in order when it is filled', () => {
    timeline.state(state(5));
    hear(8);
    hear(9);
    expect(told).toEqual([]);
    expect(missing).toEqual([5]);
    hear(7);
    hear(6);
    expect(told).toEqual([6, 7, 8, 9]);
  });

  test('asks again after a while', () => {
    timeline.state(state(5));
    hear(8);
    now = 1500;
    hear(9);
    expect(missing).toEqual([5, 5]);
  });

  test('takes a state instead of the missing events', () => {
    timeline.state(state(5));
    hear(9);
    timeline.state(state(8));
    expect(states).toEqual([5, 8]);
    expect(told).toEqual([9]);
  });

  test('passes over a state that is older than what it has', () => {
    timeline.state(state(5));
    timeline.state(state(4));
    expect(states).toEqual([5]);
  });

  test('starts anew with a server that has lost its past', () => {
    timeline.state(state(50));
    timeline.state(state(2), true);
    hear(3);
    expect(states).toEqual([50, 2]);
    expect(told).toEqual([3]);
  });

  test('keeps at most its cap of early events', () => {
    timeline.state(state(0));
    for (let seq = 2; seq < 1000; seq++) hear(seq);
    hear(1);
    expect(told.length).toBe(257);
  });
});
