/** What is on screen just now. */
export interface ShownFrame {
  /** Capture time by the server's clock; null while nothing ties the picture to it. */
  captureUs: number | null;
  errUs: number;
  width: number;
  height: number;
}

export interface EngineEvents {
  /** The video has its source. Browsers differ in what becomes of a play() before that: Firefox forgets it. */
  attached: null;
  /** The first picture is on screen. */
  playing: null;
  frame: ShownFrame;
  /** WebRTC only: carries live messages. */
  channel: RTCDataChannel;
  /** The last event: this engine is of no more use. */
  failed: Error;
}

export type PlayerStatus = 'idle' | 'connecting' | 'playing' | 'offline';

export interface PlayerEvents {
  status: PlayerStatus;
  frame: ShownFrame;
  channel: RTCDataChannel;
  /** The kind of play item in use, for display and tests. */
  kind: string;
  /** The browser wants a gesture before it plays sound. */
  muted: boolean;
  fault: Error;
}
