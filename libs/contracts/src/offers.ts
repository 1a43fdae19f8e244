import { z } from 'zod';
import { defineMessage } from './message.js';

/**
 * Offers: best-effort work for whichever process takes it. Losing one costs time, never correctness: what is offered is in
 * the database, and a sweep of the scheduler finds what nobody took.
 */
export const offers = {
  /** gateway, scheduler → one scheduler; payload: {@link queuedRuns} */
  runsQueued: 'runs.queued',
  /** scheduler → one executor; payload: {@link firstSlices} */
  firstSlices: 'first-slices',
} as const;

const id = z.string().regex(/^[0-9a-f]{24}$/);
const v = z.literal(1);

/** Jobs that were just stored as `queued`, to be looked at now. */
export const queuedRuns = defineMessage(
  'runs.queued',
  1,
  z.object({
    v,
    runs: z.array(
      z.object({
        accountId: id,
        flowId: id,
        jobId: id,
        /**
         * What the job's row says, so that it need not be read; absent when it says more than this: when page generators
         * were selected, or the run has input, or a window of its own.
         */
        asked: z.object({ triggeredBy: z.string(), traceparent: z.string().nullable() }).optional(),
      }),
    ),
  }),
);
export type QueuedRun = z.infer<typeof queuedRuns.schema>['runs'][number];

/**
 * First slices of runs that were just started. Nothing of them is on the bus: whoever takes one either reads it and
 * publishes its pages, or puts it on `work.generate`, where it would have been otherwise.
 */
export const firstSlices = defineMessage(
  'first-slices',
  1,
  z.object({
    v,
    slices: z.array(
      z.object({
        runId: id,
        accountId: id,
        flowId: id,
        planId: z.string(),
        exportId: id,
        traceparent: z.string().nullable(),
        /**
         * What the job's row says beside these ids, so that it need not be read; absent when it says more than this: when
         * the run has input, or a window of its own.
         */
        job: z.object({ startedAt: z.iso.datetime() }).optional(),
      }),
    ),
  }),
);
export type FirstSlice = z.infer<typeof firstSlices.schema>['slices'][number];
