import { z } from 'zod';
import { classifications, failureSources } from '#failures';

/** One failed record at one step. Reference: errors §2. */
export const stepError = z.object({
  errorId: z.string(),
  occurredAt: z.string(),
  source: z.enum(failureSources),
  code: z.string(),
  message: z.string(),
  traceKey: z.string().optional(),
  exportDataURI: z.string().optional(),
  importDataURI: z.string().optional(),
  /** position of the step in the flow, as text */
  oIndex: z.string().optional(),
  retryDataKey: z.string().optional(),
  retriable: z.boolean().optional(),
  _flowJobId: z.string().optional(),
  classification: z.enum(classifications).optional(),
  classifiedBy: z.string().optional(),
  reqAndResKey: z.string().optional(),
  tags: z.array(z.string()).optional(),
  assignedTo: z.string().optional(),
  purgeAt: z.string().optional(),
  resolvedAt: z.string().optional(),
  resolvedBy: z.string().optional(),
  traceId: z.string().optional(),
  /** a record that went on although it failed (decision 24) */
  warning: z.boolean().optional(),
});
export type StepError = z.infer<typeof stepError>;
