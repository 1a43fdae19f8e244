import type { ClientBase, Pool } from 'pg';
import type { JobRouter } from '#model';
import type { ChildJob, StartOutcome } from '../ports.js';
import { lockFlowsOf } from './flow-locks.js';
import { prepared, run } from './statement.js';
import { inOneTrip } from './transaction.js';

export interface Start {
  readonly jobId: string;
  readonly planId: string;
  readonly children: readonly ChildJob[];
  readonly routers: readonly JobRouter[];
  readonly nothingFollows: boolean;
  readonly at: Date | undefined;
}

/** Starts queued runs as far as their flows have room, each with its children. One transaction for all. */
export async function startRuns(pool: Pool, starts: readonly Start[]): Promise<StartOutcome[]> {
  // Of callers that ask for the same run in one batch, the first may start it.
  const first = new Map(starts.map((start) => [start.jobId, start] as const).toReversed());
  const ids = [...first.keys()];
  const [, queued, started] = await inOneTrip(pool, (client) =>
    Promise.all([lockFlowsOf(client, ids), lockQueued(client, ids), start(client, [...first.values()])]),
  );
  return starts.map((asked) => {
    if (started.has(asked.jobId)) return first.get(asked.jobId) === asked ? 'started' : 'gone';
    return queued.has(asked.jobId) ? 'busy' : 'gone';
  });
}

const lockQueuedSql = prepared(
  `select id from jobs where id = any($1::text[]) and type = 'flow' and status = 'queued' order by id for update`,
);

/** Locked by id, as the ledger does: whoever locks several jobs does it in this order. */
async function lockQueued(client: ClientBase, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await run<{ id: string }>(client, lockQueuedSql, [ids]);
  return new Set(rows.map(({ id }) => id));
}

/** Starts those that are queued; they are locked. */
async function start(client: ClientBase, starts: readonly Start[]): Promise<ReadonlySet<string>> {
  const now = new Date();
  const asked = starts.map(({ jobId, planId, routers, nothingFollows, at = now }) => ({
    id: jobId,
    plan_id: planId,
    routers: routers.length === 0 ? null : routers,
    nothing_follows: nothingFollows,
    at,
  }));
  const children = starts.flatMap(({ jobId, children: steps }) =>
    steps.map((child) => ({
      id: child.jobId,
      flow_job_id: jobId,
      type: child.type,
      export_id: child.type === 'export' ? child.stepId : null,
      import_id: child.type === 'import' ? child.stepId : null,
      o_index: child.oIndex,
    })),
  );
  const { rows } = await run<{ id: string }>(client, startSql, [
    JSON.stringify(asked),
    JSON.stringify(children),
    now,
    asked.map(({ id }) => id),
  ]);
  return new Set(rows.map(({ id }) => id));
}

// The ids come as a parameter, and the flows as an array: joined with `asked` alone, the planner reads every run there is.
const startSql = prepared(`
with asked as (
  select jobs.*, request.plan_id as asked_plan_id, request.routers as asked_routers, request.nothing_follows,
    request.at as asked_at
  from json_to_recordset($1::json) as request (
    id text, plan_id text, routers json, nothing_follows boolean, at timestamptz
  )
  join jobs using (id)
  where jobs.id = any($4::text[]) and jobs.type = 'flow' and jobs.status = 'queued'
),
active as (
  select flow_id, count(*) as runs
  from jobs
  where open_flow_id = any(array(select flow_id from jobs where id = any($4::text[]))) and status <> 'queued'
  group by flow_id
),
ranked as (
  select
    asked.id,
    asked_plan_id,
    asked_routers,
    nothing_follows,
    asked_at,
    row_number() over (partition by flow_id order by created_at, asked.id) + coalesce(active.runs, 0)
      <= max_concurrent_runs as has_room
  from asked left join active using (flow_id)
),
started as (
  update jobs
  set status = 'running', started_at = asked_at, last_modified = $3::timestamptz, plan_id = asked_plan_id,
    routers = asked_routers, waiting_for = null,
    followed_at = case when nothing_follows then $3::timestamptz end
  from ranked
  where jobs.id = ranked.id and jobs.id = any($4::text[]) and has_room
  returning jobs.*
),
kept_waiting as (
  update jobs
  set waiting_for = 'one_run_at_a_time', last_modified = $3::timestamptz
  from ranked
  where jobs.id = ranked.id and jobs.id = any($4::text[]) and not has_room and waiting_for is null
),
children as (
  insert into jobs (
    id, account_id, type, integration_id, flow_id, export_id, import_id, flow_job_id, o_index, status,
    created_at, started_at, last_modified, purge_at, triggered_by, user_id, trace_id, request
  )
  select
    child.id, started.account_id, child.type, started.integration_id, started.flow_id, child.export_id, child.import_id,
    started.id, child.o_index, 'running',
    $3::timestamptz, started.started_at, $3::timestamptz, started.purge_at, started.triggered_by, started.user_id,
    started.trace_id, '{}'
  from json_to_recordset($2::json) as child (
    id text, flow_job_id text, type text, export_id text, import_id text, o_index int
  )
  join started on started.id = child.flow_job_id
)
select id from started`);
