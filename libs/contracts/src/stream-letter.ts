import { z } from 'zod';
import { defineMessage } from './message.js';

/** Where dead letters of streams are kept among the blobs: `dead-letters/<topic>/<partition>/<offset>`. */
export const streamLetterPrefix = 'dead-letters/';

/** An event of a stream that could not be applied, as it was. */
export const streamLetter = defineMessage(
  'dead-letter',
  1,
  z.object({
    /** absent in letters kept before they had a version */
    v: z.literal(1).default(1),
    topic: z.enum(['step-results', 'run-events']),
    partition: z.number().int().nonnegative(),
    /** decimal; offsets have 64 bits */
    offset: z.string().regex(/^\d+$/),
    key: z.string(),
    headers: z.record(z.string(), z.string()),
    /** ISO 8601 */
    storedAt: z.string(),
    reason: z.string(),
    /** Base64 */
    value: z.string(),
  }),
);
