import { z } from 'zod';
import { defineMessage } from './message.js';
import { generatorTotals, pageOutcome } from './work.js';

const id = z.string().regex(/^[0-9a-f]{24}$/);
const count = z.number().int().nonnegative();

export const failureEvent = z.object({
  code: z.string(),
  message: z.string(),
  source: z.string(),
  classification: z.string().optional(),
  exchange: z.record(z.string(), z.unknown()).optional(),
});

/** One failed record (or page, or generator) at one step; becomes one stored error. */
export const errorEvent = z.object({
  stepId: id,
  /** deterministic: hash of run, step, generator, page, copy, record index and ordinal of the failure */
  errorId: id,
  page: z.number().int(),
  index: z.number().int(),
  failure: failureEvent,
  traceKey: z.string(),
  exportDataURI: z.string().optional(),
  importDataURI: z.string().optional(),
  stage: z.string(),
  /** the router that a record failed at; its step is the page generator then */
  routerId: z.string().optional(),
  /** record for a retry; null when nothing can be retried */
  retryRecord: z.unknown(),
  /** reference to the retry record in the blob store, when it is large */
  retryBlob: z.string().optional(),
  /** ISO 8601 */
  occurredAt: z.string(),
  /** W3C trace id of the run */
  traceId: z.string().optional(),
  /** decision 24: stored, does not count */
  warning: z.boolean().optional(),
});
export type ErrorEvent = z.infer<typeof errorEvent>;

const common = { v: z.literal(1), runId: id, accountId: id, flowId: id };

/**
 * Topic `step-results`, key = run id. What one delivery did, produced before it is acknowledged; a redelivery counts once
 * (P3), by the `resultId`, and so do its errors.
 */
export const pagesResult = z.object({
  ...common,
  kind: z.literal('pages'),
  ordinal: count,
  ...pageOutcome.shape,
  errors: z.array(errorEvent),
});
export type PagesResult = z.infer<typeof pagesResult>;

/** Where a generator stands; totals are absolute, so the highest slice wins. */
export const generatorResult = z.object({
  ...common,
  kind: z.literal('generator'),
  exportId: id,
  ordinal: count,
  slice: count,
  totals: generatorTotals,
  state: z.enum(['reading', 'done', 'failed', 'canceled']),
  errors: z.array(errorEvent),
});
export type GeneratorResult = z.infer<typeof generatorResult>;

/**
 * The last event of its run. Produced by the scheduler when the broker holds no more messages of the run, or, behind the
 * result, by the executor that finished the only bundle of a run. More than one has the effect of one.
 */
export const runFinished = z.object({
  ...common,
  kind: z.literal('finished'),
  canceled: z.boolean(),
  /** ISO 8601 */
  finishedAt: z.string(),
});
export type RunFinished = z.infer<typeof runFinished>;

export const stepResult = defineMessage(
  'step-results',
  1,
  z.discriminatedUnion('kind', [pagesResult, generatorResult, runFinished]),
);
export type StepResult = z.infer<typeof stepResult.schema>;
