import type { Problem } from '@souk/protocol';

/** The server answered with a problem. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly status: number,
    readonly code: string,
    readonly problem: Problem | null,
    readonly retryAfterMs: number | null,
  ) {
    super(problem?.detail ?? `${status} ${code}`);
  }
}

/** No answer, or one that is not of the contract: the outcome of the request is unknown. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
}

export function isTransient(error: unknown): boolean {
  if (error instanceof NetworkError) return true;
  return error instanceof ApiError && (error.status === 429 || error.status >= 500);
}
