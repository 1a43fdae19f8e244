import { type ChildJob, isRecord, type Job } from '#model';
import type { JobRow } from '#store';

/** A job as clients read it: absent where the row says null. Reference: resources §13. */
export function toJob(row: JobRow): ChildJob {
  const { accountId: _account, request: _request, ...rest } = row;
  const job: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(rest)) if (value !== null) job[field] = value;
  if (row._flowJobId !== null) job['_parentJobId'] = row._flowJobId;
  if (row.startedAt !== null) job['lastExecutedAt'] = row.startedAt;
  if (row.type === 'import') job['retriable'] = false;
  return job as unknown as ChildJob;
}

/** A flow job with its steps in order (decision 9). */
export function toFamily(row: JobRow, children: readonly JobRow[]): Job {
  const inOrder = [...children].sort((a, b) => (a.oIndex ?? 0) - (b.oIndex ?? 0));
  const { input } = row.request;
  return { ...toJob(row), ...(isRecord(input) ? { input } : {}), children: inOrder.map(toJob) };
}

/** Whether a job has children of its own. */
export function isParent(row: JobRow): boolean {
  return row._flowJobId === null;
}
