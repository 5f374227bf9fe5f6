import { expect, test } from 'vitest';
import { StatsReader } from './stats.js';

const report = (bytesSent: number, timestamp: number): RTCStatsReport =>
  new Map<string, object>([
    ['a', { type: 'outbound-rtp', kind: 'audio', bytesSent: 1 }],
    ['v', { type: 'outbound-rtp', kind: 'video', bytesSent, timestamp, framesPerSecond: 30, frameWidth: 1280, frameHeight: 720, qualityLimitationReason: 'none' }],
    ['t', { type: 'transport', selectedCandidatePairId: 'p' }],
    ['q', { type: 'candidate-pair', id: 'q', nominated: true }],
    ['p', { type: 'candidate-pair', id: 'p', nominated: true, availableOutgoingBitrate: 5e6, currentRoundTripTime: 0.012 }],
  ]) as unknown as RTCStatsReport;

test('bitrate comes from two reports', () => {
  const reader = new StatsReader();
  expect(reader.read(report(0, 1000))).toMatchObject({ bitrate: 0, width: 1280, height: 720 });
  expect(reader.read(report(375_000, 2000))).toEqual({
    bitrate: 3_000_000, framesPerSecond: 30, width: 1280, height: 720, limit: 'none', availableBitrate: 5e6, rttMs: 12,
  });
});

test('a report without a picture is none', () => {
  expect(new StatsReader().read(new Map() as unknown as RTCStatsReport)).toBeNull();
});
