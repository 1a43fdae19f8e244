import type { ResponseHeaders } from './wire.js';

/** Reference: decision 11. */
export const DEFAULT_TRIES = 5;
const MAX_RETRY_AFTER_MS = 5 * 60_000;

/** How often one request may be tried, and after which answers. */
export interface RetryPolicy {
  /** Tries in all, the first one included. */
  readonly tries: number;
  /**
   * True when a try that may have had an effect can be made again without harm: reads, PUT and DELETE, and whatever
   * carries an idempotency key. Otherwise only answers that say nothing was done are repeated.
   */
  readonly repeatable: boolean;
  /** True when a time-out may be repeated too: reads, where the only cost is time. */
  readonly repeatTimeouts: boolean;
}

export const READ_POLICY: RetryPolicy = { tries: DEFAULT_TRIES, repeatable: true, repeatTimeouts: true };

/** Policy of an import's requests. */
export function writePolicy(method: string, idempotencyKey: boolean, maxAttempts: number | undefined): RetryPolicy {
  const repeatable = idempotencyKey || method === 'PUT' || method === 'DELETE' || method === 'GET';
  return { tries: maxAttempts ?? (repeatable ? DEFAULT_TRIES : 3), repeatable, repeatTimeouts: false };
}

/** Whether an answer of this status may be tried again. */
export function isRetryableStatus(status: number, policy: RetryPolicy): boolean {
  if (status === 429 || status === 503) return true;
  return policy.repeatable && (status === 408 || (status >= 500 && status <= 599));
}

/**
 * The pause a remote asks for, capped at five minutes: seconds (fractions allowed) or an HTTP date.
 *
 * @param header name in any case; `retryHeader` of the connection, default `Retry-After`
 * @returns null when it asks for none, or for nonsense
 */
export function retryAfterMs(headers: ResponseHeaders, header: string, nowMs: number): number | null {
  const value = headers[header.toLowerCase()];
  const text = (Array.isArray(value) ? value[0] : value)?.trim();
  if (text === undefined || text === '') return null;
  const pause = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  if (Number.isNaN(pause)) return null;
  return Math.min(Math.max(Math.ceil(pause), 0), MAX_RETRY_AFTER_MS);
}
