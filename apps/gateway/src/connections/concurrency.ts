import { isRecord, type JsonRecord } from '#model';

/**
 * Who decides on an HTTP connection's concurrency. While rate limit errors recover by themselves (the default), the
 * platform does: a PUT cannot change `concurrencyLevel`, only aim at another by `targetConcurrencyLevel`, which also sets
 * it. Otherwise the client does, and there is no target. Reference: resources §6.3.
 */
export function withManagedConcurrency(document: JsonRecord, previous: JsonRecord | null): JsonRecord {
  const http = document['http'];
  if (!isRecord(http)) return document;
  const { targetConcurrencyLevel: target, ...rest } = http;
  if (document['autoRecoverRateLimitErrors'] === false) return { ...document, http: rest };
  if (typeof target === 'number') return { ...document, http: { ...http, concurrencyLevel: target } };
  const before = previous?.['http'];
  if (!isRecord(before)) return document;
  const { concurrencyLevel: _ignored, ...others } = rest;
  const kept = before['concurrencyLevel'];
  return { ...document, http: { ...others, ...(typeof kept === 'number' ? { concurrencyLevel: kept } : {}) } };
}
