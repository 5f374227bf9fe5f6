export { MediaClock, RtpClock } from './capture-clock.js';
export { PlayerError, type PlayerFault } from './errors.js';
export type { PlayerEvents, PlayerStatus, ShownFrame } from './events.js';
export { FlvPlayer } from './flv-player.js';
export { RoomPlayer, type RoomPlayerOptions } from './room-player.js';
export { WhepPlayer } from './whep-player.js';
