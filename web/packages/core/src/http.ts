import { ProtocolError, model, parseJson } from '@souk/protocol';
import { config } from './config.js';
import { ApiError, NetworkError } from './errors.js';

export interface HttpRequest {
  method: string;
  url: string;
  token?: string | null;
  headers?: Record<string, string>;
  body?: string;
  signal?: AbortSignal;
  timeoutMs?: number;
}

export interface HttpAnswer {
  status: number;
  headers: Headers;
  text: string;
}

/** fetch() with a time limit; every failure below HTTP is a NetworkError, every problem an ApiError. */
export async function request(options: HttpRequest): Promise<HttpAnswer> {
  const abort = new AbortController();
  const onAbort = () => abort.abort();
  const timer = setTimeout(onAbort, options.timeoutMs ?? config.requestTimeoutMs);
  options.signal?.addEventListener('abort', onAbort);
  if (options.signal?.aborted) onAbort();
  try {
    const headers: Record<string, string> = { ...options.headers };
    if (options.token) headers['Authorization'] = `Bearer ${options.token}`;
    const init: RequestInit = { method: options.method, headers, signal: abort.signal, credentials: 'omit' };
    if (options.body !== undefined) init.body = options.body;
    const response = await fetch(options.url, init);
    const text = await response.text();
    if (text.length > config.bodyCharsMax) throw new NetworkError('answer too long');
    const answer = { status: response.status, headers: response.headers, text };
    if (!response.ok) throw problemOf(answer);
    return answer;
  } catch (error) {
    if (error instanceof ApiError || error instanceof NetworkError) throw error;
    throw new NetworkError(`${options.method} ${options.url}: ${String(error)}`);
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
  }
}

function problemOf({ status, headers, text }: HttpAnswer): ApiError {
  const seconds = Number(headers.get('Retry-After') ?? NaN);
  const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null;
  try {
    const problem = model.problem(parseJson(text, 64 << 10), '');
    return new ApiError(status, problem.code, problem, retryAfterMs);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return new ApiError(status, 'unknown', null, retryAfterMs);
  }
}
