import { z } from 'zod';
import { defineMessage } from './message.js';

const id = z.string().regex(/^[0-9a-f]{24}$/);

/** `cmd.run.cancel`, key = flow id, message id = `cancel/<jobId>`. The job row already says `canceling`. */
export const runCancel = defineMessage(
  'cmd.run.cancel',
  1,
  z.object({ v: z.literal(1), accountId: id, flowId: id, jobId: id, by: z.string() }),
);
export type RunCancel = z.infer<typeof runCancel.schema>;
