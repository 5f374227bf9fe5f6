import { config } from './config.js';

export type Source = 'camera' | 'screen';

const picture = {
  width: { ideal: config.width },
  height: { ideal: config.height },
  frameRate: { ideal: config.frameRate },
};

/** Asks the browser for a picture and, where there is one, sound. */
export async function capture(source: Source): Promise<MediaStream> {
  const devices = navigator.mediaDevices;
  if (!devices) throw new DOMException('media devices need https or localhost', 'NotSupportedError');
  if (source === 'camera') return devices.getUserMedia({ video: picture, audio: true });
  const screen = await devices.getDisplayMedia({ video: picture, audio: true });
  if (screen.getAudioTracks().length > 0) return screen;
  // A window without sound: the host's voice, if allowed.
  const voice = await devices.getUserMedia({ audio: true }).catch(() => null);
  for (const track of voice?.getAudioTracks() ?? []) screen.addTrack(track);
  return screen;
}

export function release(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
