/** 736f756b-6c69-4976-8563-6c6f636b3031, "souk" and "clock01" in it. */
const CLOCK_UUID = [0x73, 0x6f, 0x75, 0x6b, 0x6c, 0x69, 0x49, 0x76, 0x85, 0x63, 0x6c, 0x6f, 0x63, 0x6b, 0x30, 0x31];
const USER_DATA_UNREGISTERED = 5;

/** As mpegts.js tells it; pts in milliseconds on the element's time line. */
export interface SeiMessage {
  type: number;
  uuid?: Uint8Array;
  user_data?: Uint8Array;
  pts?: number;
}

/** Position of the picture and its capture time, when the SEI is our clock. */
export function readClockSei(sei: SeiMessage): { atS: number; captureUs: number } | null {
  const { type, uuid, user_data: data, pts } = sei;
  if (type !== USER_DATA_UNREGISTERED || !uuid || !data || pts === undefined || data.length > 256) return null;
  if (uuid.length !== CLOCK_UUID.length || CLOCK_UUID.some((byte, index) => uuid[index] !== byte)) return null;
  const found = /^\{"t":(\d{1,15})\}\0?$/.exec(new TextDecoder().decode(data));
  return found ? { atS: pts / 1000, captureUs: Number(found[1]) * 1000 } : null;
}
