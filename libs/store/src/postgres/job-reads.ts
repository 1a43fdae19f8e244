import type { Pool } from 'pg';
import type { ActiveRun, ChildJob, JobRow, JobStatus } from '../ports.js';
import { jsonOf, prepared, run } from './statement.js';

/** One job as the driver reads it: times as text in UTC, `bigint` as text. */
interface JobTuple {
  readonly id: string;
  readonly account_id: string;
  readonly type: JobRow['type'];
  readonly integration_id: string | null;
  readonly flow_id: string;
  readonly export_id: string | null;
  readonly import_id: string | null;
  readonly flow_job_id: string | null;
  readonly o_index: number | null;
  readonly status: JobStatus;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly last_modified: string;
  readonly purge_at: string;
  readonly num_error: string;
  readonly num_resolved: string;
  readonly num_open_error: string;
  readonly num_success: string;
  readonly num_ignore: string;
  readonly num_export: string;
  readonly num_pages_generated: string;
  readonly num_pages_processed: string;
  readonly done_exporting: boolean;
  readonly triggered_by: string;
  readonly user_id: string | null;
  readonly canceled_by: string | null;
  readonly canceled_at: string | null;
  readonly waiting_for: string | null;
  readonly failure: JobRow['failure'] | string;
  readonly trace_id: string | null;
  readonly routers: JobRow['routers'] | string;
  readonly request: JobRow['request'] | string;
}

const columns = `
  jobs.id, jobs.account_id, jobs.type, jobs.integration_id, jobs.flow_id, jobs.export_id, jobs.import_id,
  jobs.flow_job_id, jobs.o_index, jobs.status, jobs.created_at, jobs.started_at, jobs.ended_at, jobs.last_modified,
  jobs.purge_at, jobs.num_error, jobs.num_resolved, jobs.num_open_error, jobs.num_success, jobs.num_ignore,
  jobs.num_export, jobs.num_pages_generated, jobs.num_pages_processed, jobs.done_exporting, jobs.triggered_by,
  jobs.user_id, jobs.canceled_by, jobs.canceled_at, jobs.waiting_for, jobs.failure, jobs.trace_id, jobs.routers,
  jobs.request`;

function toJobRow(row: JobTuple): JobRow {
  return {
    _id: row.id,
    accountId: row.account_id,
    type: row.type,
    _integrationId: row.integration_id,
    _flowId: row.flow_id,
    _exportId: row.export_id,
    _importId: row.import_id,
    _flowJobId: row.flow_job_id,
    oIndex: row.o_index,
    status: row.status,
    createdAt: isoOfText(row.created_at),
    startedAt: isoOfTextOrNull(row.started_at),
    endedAt: isoOfTextOrNull(row.ended_at),
    lastModified: isoOfText(row.last_modified),
    purgeAt: isoOfText(row.purge_at),
    numError: Number(row.num_error),
    numResolved: Number(row.num_resolved),
    numOpenError: Number(row.num_open_error),
    numSuccess: Number(row.num_success),
    numIgnore: Number(row.num_ignore),
    numExport: Number(row.num_export),
    numPagesGenerated: Number(row.num_pages_generated),
    numPagesProcessed: Number(row.num_pages_processed),
    doneExporting: row.done_exporting,
    triggeredBy: row.triggered_by,
    _userId: row.user_id,
    canceledBy: row.canceled_by,
    canceledAt: isoOfTextOrNull(row.canceled_at),
    waitingFor: row.waiting_for,
    failure: jsonOf<JobRow['failure']>(row.failure),
    traceId: row.trace_id,
    routers: jsonOf<JobRow['routers']>(row.routers),
    request: jsonOf<JobRow['request']>(row.request),
  };
}

/** `2026-11-23 23:11:20.1+00`, as sessions in UTC answer, to ISO 8601 with milliseconds. */
function isoOfText(text: string): string {
  // Cut, not parsed: a family of jobs has fifteen times, and is read for every event that a watcher gets.
  const fraction = text.length > 23 ? text.slice(20, -3) : '';
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction.padEnd(3, '0')}Z`;
}

function isoOfTextOrNull(text: string | null): string | null {
  return text === null ? null : isoOfText(text);
}

/** A job of an account. */
export interface JobKey {
  readonly accountId: string;
  readonly jobId: string;
}

const familiesSql = prepared(`
select ${columns}, asked.place
from unnest($1::text[], $2::text[]) with ordinality as asked (account_id, id, place)
join jobs on jobs.id = asked.id and jobs.account_id = asked.account_id
union all
select ${columns}, asked.place
from unnest($1::text[], $2::text[]) with ordinality as asked (account_id, id, place)
join jobs on jobs.flow_job_id = asked.id and jobs.account_id = asked.account_id`);

/** For each key the job and its children in order; empty when the account has no such job. */
export async function readFamilies(pool: Pool, keys: readonly JobKey[]): Promise<readonly (readonly JobRow[])[]> {
  const { rows } = await run<JobTuple & { readonly place: string }>(pool, familiesSql, [
    keys.map(({ accountId }) => accountId),
    keys.map(({ jobId }) => jobId),
  ]);
  const families: JobRow[][] = keys.map(() => []);
  for (const row of rows) families[Number(row.place) - 1]?.push(toJobRow(row));
  for (const family of families) family.sort(inOrder);
  return families;
}

/** The parent first, then by position. */
function inOrder(a: JobRow, b: JobRow): number {
  const place = (job: JobRow): number => (job._flowJobId === null ? -1 : (job.oIndex ?? 0));
  return place(a) - place(b) || (a._id < b._id ? -1 : 1);
}

const jobsOfSql = prepared(`
select ${columns}, asked.place
from unnest($1::text[], $2::text[]) with ordinality as asked (account_id, id, place)
join jobs on jobs.id = asked.id and jobs.account_id = asked.account_id`);

/** For each key the job, or null. */
export async function readJobs(pool: Pool, keys: readonly JobKey[]): Promise<readonly (JobRow | null)[]> {
  const { rows } = await run<JobTuple & { readonly place: string }>(pool, jobsOfSql, [
    keys.map(({ accountId }) => accountId),
    keys.map(({ jobId }) => jobId),
  ]);
  const jobs: (JobRow | null)[] = keys.map(() => null);
  for (const row of rows) jobs[Number(row.place) - 1] = toJobRow(row);
  return jobs;
}

const anyJobsSql = prepared(`select ${columns} from jobs where id = any($1::text[])`);

/** For each id the job of whatever account, or null. */
export async function readAnyJobs(pool: Pool, ids: readonly string[]): Promise<readonly (JobRow | null)[]> {
  const { rows } = await run<JobTuple>(pool, anyJobsSql, [ids]);
  const byId = new Map(rows.map((row) => [row.id, toJobRow(row)]));
  return ids.map((id) => byId.get(id) ?? null);
}

const childrenSql = prepared(`
select ${columns} from jobs
where account_id = $1 and flow_job_id = any($2::text[])
order by flow_job_id, o_index, id`);

export async function readChildren(
  pool: Pool,
  accountId: string,
  flowJobIds: readonly string[],
): Promise<readonly JobRow[]> {
  const { rows } = await run<JobTuple>(pool, childrenSql, [accountId, flowJobIds]);
  return rows.map(toJobRow);
}

const planSql = prepared(`
select run.id as run_id, run.plan_id, child.id, child.type, coalesce(child.import_id, child.export_id, '') as step_id,
  child.o_index
from jobs run left join jobs child on child.flow_job_id = run.id
where run.id = any($1::text[]) and run.type = 'flow' and run.plan_id is not null
order by run.id, child.o_index, child.id`);

interface PlanTuple {
  readonly run_id: string;
  readonly plan_id: string;
  readonly id: string | null;
  readonly type: string;
  readonly step_id: string;
  readonly o_index: number | null;
}

export interface PlanOfRun {
  readonly planId: string;
  readonly children: readonly ChildJob[];
}

/** For each run its plan's id and its children; null for a run that was never started. */
export async function readPlansOf(pool: Pool, runIds: readonly string[]): Promise<readonly (PlanOfRun | null)[]> {
  const { rows } = await run<PlanTuple>(pool, planSql, [runIds]);
  const plans = new Map<string, { planId: string; children: ChildJob[] }>();
  for (const row of rows) {
    const plan = plans.get(row.run_id) ?? { planId: row.plan_id, children: [] };
    plans.set(row.run_id, plan);
    if (row.id === null) continue;
    const type = row.type === 'import' ? 'import' : 'export';
    plan.children.push({ jobId: row.id, type, stepId: row.step_id, oIndex: row.o_index ?? 0 });
  }
  return runIds.map((id) => plans.get(id) ?? null);
}

const runColumns = 'id, account_id, flow_id, status, started_at, plan_id';

interface RunTuple {
  readonly id: string;
  readonly account_id: string;
  readonly flow_id: string;
  readonly status: JobStatus;
  readonly started_at: string | null;
  readonly plan_id: string | null;
}

function toActiveRun(row: RunTuple): ActiveRun {
  return {
    jobId: row.id,
    accountId: row.account_id,
    flowId: row.flow_id,
    status: row.status,
    startedAt: isoOfTextOrNull(row.started_at),
    planId: row.plan_id,
  };
}

const activeSql = prepared(`
select ${runColumns} from jobs
where open_flow_id is not null and status <> 'queued'
order by started_at, id limit $1`);

export async function readActiveRuns(pool: Pool, limit: number): Promise<readonly ActiveRun[]> {
  const { rows } = await run<RunTuple>(pool, activeSql, [limit]);
  return rows.map(toActiveRun);
}

/** Per flow, the oldest waiting runs that fit beside the active ones. */
const startableSql = (condition: string): string => `
with queued as (
  select ${runColumns}, created_at, max_concurrent_runs
  from jobs
  where ${condition} and status = 'queued'
),
active as (
  select flow_id, count(*) as runs
  from jobs
  where open_flow_id in (select flow_id from queued) and status <> 'queued'
  group by flow_id
),
ranked as (
  select queued.*, coalesce(active.runs, 0) as active_runs,
    row_number() over (partition by flow_id order by created_at, id) as place
  from queued left join active using (flow_id)
)
select ${runColumns} from ranked
where place + active_runs <= max_concurrent_runs
order by created_at, id limit $1`;

const startableOfAllSql = prepared(startableSql('open_flow_id is not null'));
const startableHeldBackSql = prepared(startableSql('waiting_for is not null'));

export async function readStartable(
  pool: Pool,
  limit: number,
  which: 'all' | 'heldBack',
): Promise<readonly ActiveRun[]> {
  const statement = which === 'all' ? startableOfAllSql : startableHeldBackSql;
  const { rows } = await run<RunTuple>(pool, statement, [limit]);
  return rows.map(toActiveRun);
}

const unfollowedSql = prepared(`
select ${columns} from jobs
where unfollowed_since is not null
order by unfollowed_since, id limit $1`);

export async function readUnfollowed(pool: Pool, limit: number): Promise<readonly JobRow[]> {
  const { rows } = await run<JobTuple>(pool, unfollowedSql, [limit]);
  return rows.map(toJobRow);
}

const markFollowedSql = prepared(`
update jobs set followed_at = $2::timestamptz
where id = any($1::text[]) and unfollowed_since is not null
returning id`);

/** For each id whether this call marked it; of equal ids the first. Ids must come in order, as whoever locks several jobs does. */
export async function markFollowed(pool: Pool, ids: readonly string[]): Promise<readonly boolean[]> {
  const { rows } = await run<{ id: string }>(pool, markFollowedSql, [[...new Set(ids)].sort(), new Date()]);
  const marked = new Set(rows.map(({ id }) => id));
  return ids.map((id) => marked.delete(id));
}
