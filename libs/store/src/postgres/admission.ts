import type { ClientBase } from 'pg';
import type { EnqueueRun } from '../ports.js';
import { prepared, run } from './statement.js';
import { storableText } from './storable.js';
import { jobRetentionMs } from './times.js';

/**
 * Stores runs as `queued` as far as their flows have room; the caller holds the locks of the flows. Runs of one flow are
 * taken in the order given.
 *
 * @param waiting how many runs of a flow may wait beyond its `maxConcurrentRuns`
 * @returns ids of the runs that are stored now; a run that was stored before counts too, so a repeat is harmless
 */
export async function admit(
  client: ClientBase,
  runs: readonly EnqueueRun[],
  waiting: 0 | 1,
  nowMs: number,
): Promise<ReadonlySet<string>> {
  if (runs.length === 0) return new Set();
  const rows = runs.map((run, place) => ({
    place,
    id: run.jobId,
    account_id: run.accountId,
    integration_id: run.integrationId,
    flow_id: run.flowId,
    triggered_by: run.triggeredBy,
    user_id: run.userId,
    trace_id: run.traceId === null ? null : storableText(run.traceId),
    request: JSON.stringify(run.request),
    max_concurrent_runs: run.maxConcurrentRuns ?? 1,
  }));
  const { rows: stored } = await run<{ id: string }>(client, admitSql, [
    JSON.stringify(rows),
    [...new Set(runs.map(({ flowId }) => flowId))],
    waiting,
    new Date(nowMs),
    new Date(nowMs + jobRetentionMs),
    rows.map(({ id }) => id),
  ]);
  return new Set(stored.map(({ id }) => id));
}

const admitSql = prepared(`
with asked as (
  select * from json_to_recordset($1::json) as asked (
    place int, id text, account_id text, integration_id text, flow_id text, triggered_by text, user_id text,
    trace_id text, request text, max_concurrent_runs int
  )
),
known as (select id from jobs where id = any($6::text[])),
unfinished as (
  select
    flow_id,
    count(*) as runs,
    count(*) filter (where status <> 'queued') as active
  from jobs
  where open_flow_id = any($2::text[])
  group by flow_id
),
ranked as (
  select
    asked.*,
    row_number() over (partition by flow_id order by place) + coalesce(runs, 0) as nth_run,
    row_number() over (partition by flow_id order by place) + coalesce(runs, 0) > max_concurrent_runs as waits
  from asked left join unfinished using (flow_id)
  where id not in (select id from known)
),
stored as (
  insert into jobs (
    id, account_id, type, integration_id, flow_id, status, created_at, last_modified, purge_at,
    triggered_by, user_id, trace_id, request, max_concurrent_runs, waiting_for
  )
  select
    id, account_id, 'flow', integration_id, flow_id, 'queued', $4::timestamptz, $4::timestamptz, $5::timestamptz,
    triggered_by, user_id, trace_id, request::json, max_concurrent_runs,
    case when waits then 'one_run_at_a_time' end
  from ranked
  where nth_run <= max_concurrent_runs + $3::int
  on conflict (id) do nothing
  returning id
)
select id from stored union all select id from known`);
