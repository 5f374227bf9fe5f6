export type PlayerFault = 'unsupported' | 'autoplay' | 'network' | 'timeout' | 'media';

/** Why a way to watch ended. */
export class PlayerError extends Error {
  override readonly name = 'PlayerError';

  constructor(
    readonly fault: PlayerFault,
    detail: string,
  ) {
    super(detail);
  }
}
