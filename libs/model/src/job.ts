import { z } from 'zod';
import { anyObject } from './fields.js';

export const jobTypes = ['flow', 'retry', 'export', 'import', 'bulk'] as const;
export type JobType = (typeof jobTypes)[number];
export const jobStatuses = ['queued', 'running', 'retrying', 'canceling', 'completed', 'failed', 'canceled'] as const;
export type JobStatus = (typeof jobStatuses)[number];
export const finalJobStatuses: readonly JobStatus[] = ['completed', 'failed', 'canceled'];

export function isFinal(status: JobStatus): boolean {
  return status === 'completed' || status === 'failed' || status === 'canceled';
}

const count = z.number().int().min(0);

/** What a router of a run did so far. Its errors belong to the page generators and count there. Reference: decision 7. */
export const jobRouter = z.object({
  /** of the router in its flow */
  id: z.string(),
  name: z.string().optional(),
  /** records that took at least one branch */
  numSuccess: count,
  /** records that could not be routed */
  numError: count,
  /** records that no branch took; they are part of `numIgnore` of the flow job */
  numIgnore: count,
  branches: z.array(
    z.object({
      branchId: z.string().optional(),
      name: z.string(),
      /** records that took the branch; in `all_matching_branches` each copy counts */
      numRecords: count,
    }),
  ),
});
export type JobRouter = z.infer<typeof jobRouter>;

const jobFields = {
  _id: z.string(),
  type: z.enum(jobTypes),
  _userId: z.string().optional(),
  _integrationId: z.string().optional(),
  _flowId: z.string().optional(),
  _exportId: z.string().optional(),
  _importId: z.string().optional(),
  _flowJobId: z.string().optional(),
  _parentJobId: z.string().optional(),
  _bulkJobId: z.string().optional(),
  oIndex: z.number().int().optional(),
  status: z.enum(jobStatuses),
  createdAt: z.string(),
  startedAt: z.string().optional(),
  endedAt: z.string().optional(),
  lastExecutedAt: z.string().optional(),
  lastModified: z.string().optional(),
  purgeAt: z.string().optional(),
  numError: count.optional(),
  numResolved: count.optional(),
  numOpenError: count.optional(),
  numSuccess: count.optional(),
  numIgnore: count.optional(),
  numExport: count.optional(),
  numPagesGenerated: count.optional(),
  numPagesProcessed: count.optional(),
  doneExporting: z.boolean().optional(),
  retriable: z.boolean().optional(),
  files: z.array(anyObject()).optional(),
  canceledAt: z.string().optional(),
  canceledBy: z.string().optional(),
  triggeredBy: z.string().optional(),
  /** Why a job waits, e.g. `one_run_at_a_time`. */
  waitingFor: z.string().optional(),
  traceId: z.string().optional(),
  /** Why a job failed as a whole, e.g. `pages_lost`. */
  failure: z.object({ code: z.string(), message: z.string() }).optional(),
};

/** A run, or one step of it. Reference: resources §13, decisions 1, 6, 9. */
export const childJob = z.object(jobFields);
export const job = childJob.extend({
  children: z.array(childJob).optional(),
  /** What its start was given, shown with the single job. */
  input: anyObject().optional(),
  /** Of a flow with routers, in its order. */
  routers: z.array(jobRouter).optional(),
});
export type Job = z.infer<typeof job>;
export type ChildJob = z.infer<typeof childJob>;
