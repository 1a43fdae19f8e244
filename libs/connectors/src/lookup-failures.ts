import type { LookupOutcome } from '#engine';
import type { Failure } from '#failures';
import { MAX_RECORD_BYTES } from './records.js';

/** A lookup that failed for its record: 403 where its connection refused, else 422. Reference: runtime §9.2. */
export function failedLookup(failure: Failure): LookupOutcome {
  return { statusCode: failure.source === 'connection' ? 403 : 422, data: [], failures: [failure] };
}

/** What a lookup finds for one record is bounded as a record is. Reference: runtime §2. */
export function lookupTooLarge(bytes: number): Failure {
  return {
    code: 'response_size_exceeded',
    message: `The lookup found ${bytes} bytes for one record; at most ${MAX_RECORD_BYTES} are allowed.`,
    source: 'lookup',
    classification: 'too_large',
  };
}
