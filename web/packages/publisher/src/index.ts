export { type Source, capture, release } from './capture.js';
export { config as publishConfig } from './config.js';
export type { PublishStats } from './stats.js';
export { WhipPublisher } from './whip-publisher.js';
