import { z } from 'zod';
import { defineMessage } from './message.js';

const id = z.string().regex(/^[0-9a-f]{24}$/);

/**
 * `cmd.run.start`, key = flow id, message id = `start/<jobId>`. The job row, already stored as `queued`, is the intent;
 * the command is what makes the scheduler look at it at once.
 */
export const runStart = defineMessage(
  'cmd.run.start',
  1,
  z.object({ v: z.literal(1), accountId: id, flowId: id, jobId: id }),
);
export type RunStart = z.infer<typeof runStart.schema>;

/** `cmd.run.cancel`, key = flow id, message id = `cancel/<jobId>`. The job row already says `canceling`. */
export const runCancel = defineMessage(
  'cmd.run.cancel',
  1,
  z.object({ v: z.literal(1), accountId: id, flowId: id, jobId: id, by: z.string() }),
);
export type RunCancel = z.infer<typeof runCancel.schema>;
