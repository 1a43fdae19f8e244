import type { ClientBase } from 'pg';
import type { JobRouter } from '#model';
import type { JobStatus } from '../ports.js';
import type { Evidence } from './ledger-audit.js';
import {
  entryKey,
  type ChildState,
  type GeneratorHeadState,
  type JobDelta,
  type LedgerEntry,
  type RunState,
} from './ledger-state.js';
import { jsonOf, prepared, run } from './statement.js';
import { storableText } from './storable.js';

interface RunRow {
  readonly id: string;
  readonly account_id: string;
  readonly flow_id: string;
  readonly status: JobStatus;
  readonly routers: readonly JobRouter[] | string | null;
  readonly plan_id: string | null;
  readonly asked: unknown;
}

interface ChildRow {
  readonly id: string;
  readonly flow_job_id: string;
  readonly type: ChildState['type'];
  readonly step_id: string;
}

interface HeadRow {
  readonly run_id: string;
  readonly ordinal: number;
  readonly export_id: string;
  readonly slice: string;
  readonly state: GeneratorHeadState['state'];
  readonly pages: string;
  readonly records: string;
  readonly ignored: string;
  readonly failed: string;
  readonly failures: string;
}

const lockRunsSql = prepared(
  `select id, account_id, flow_id, status, routers, plan_id, request -> '_exportIds' as asked from jobs
   where id = any($1::text[]) and flow_job_id is null and ledger_pruned_at is null
   order by id for update`,
);

const childrenSql = prepared(
  `select id, flow_job_id, type, coalesce(export_id, import_id) as step_id from jobs
   where flow_job_id = any($1::text[]) order by flow_job_id, o_index, id`,
);

const headsSql = prepared(
  `select run_id, ordinal, export_id, slice, state, pages, records, ignored, failed, failures
   from generator_results where run_id = any($1::text[]) order by run_id, ordinal`,
);

/** Locks the runs that can still count, and reads their steps and generators. */
export async function readRuns(client: ClientBase, runIds: readonly string[]): Promise<ReadonlyMap<string, RunState>> {
  if (runIds.length === 0) return new Map();
  const [{ rows: runs }, { rows: children }, { rows: heads }] = await Promise.all([
    run<RunRow>(client, lockRunsSql, [runIds]),
    // Statements of their own, after the lock: they see what the transaction before us wrote.
    run<ChildRow>(client, childrenSql, [runIds]),
    run<HeadRow>(client, headsSql, [runIds]),
  ]);
  const childrenOf = Map.groupBy(children, ({ flow_job_id }) => flow_job_id);
  const headsOf = Map.groupBy(heads, ({ run_id }) => run_id);
  return new Map(
    runs.map((row) => [
      row.id,
      {
        runId: row.id,
        accountId: row.account_id,
        flowId: row.flow_id,
        status: row.status,
        routers: jsonOf<readonly JobRouter[] | null>(row.routers),
        planId: row.plan_id,
        asked: exportIdsOf(row.asked),
        children: (childrenOf.get(row.id) ?? []).map(({ id, type, step_id }) => ({
          jobId: id,
          type,
          stepId: step_id,
        })),
        heads: new Map((headsOf.get(row.id) ?? []).map((head) => [head.ordinal, toHead(head)])),
      },
    ]),
  );
}

/** The generators that the start asked for; null is all. */
function exportIdsOf(asked: unknown): readonly unknown[] | null {
  const ids = jsonOf(asked);
  return Array.isArray(ids) && ids.length > 0 ? ids : null;
}

function toHead(row: HeadRow): GeneratorHeadState {
  return {
    exportId: row.export_id,
    slice: Number(row.slice),
    state: row.state,
    pages: Number(row.pages),
    records: Number(row.records),
    ignored: Number(row.ignored),
    failed: Number(row.failed),
    failures: Number(row.failures),
  };
}

const insertEntriesSql = prepared(
  `insert into page_results (run_id, result_id, pages, forked)
     select * from unnest($1::text[], $2::text[], $3::int[], $4::int[]) as entry (run_id, result_id, pages, forked)
     order by run_id, result_id
     on conflict (run_id, result_id) do nothing
     returning run_id, result_id`,
);

/** @returns keys of the rows that were not there before */
export async function insertEntries(client: ClientBase, entries: readonly LedgerEntry[]): Promise<ReadonlySet<string>> {
  if (entries.length === 0) return new Set();
  const { rows } = await run<{ run_id: string; result_id: string }>(client, insertEntriesSql, [
    entries.map(({ runId }) => runId),
    entries.map(({ resultId }) => storableText(resultId)),
    entries.map(({ pages }) => pages),
    entries.map(({ forked }) => forked),
  ]);
  return new Set(rows.map(({ run_id, result_id }) => entryKey({ runId: run_id, resultId: result_id })));
}

const writeHeadsSql = prepared(
  `insert into generator_results
       (run_id, ordinal, export_id, slice, state, pages, records, ignored, failed, failures)
     select run_id, ordinal, export_id, slice, state, pages, records, ignored, failed, failures
     from json_to_recordset($1::json) as head (
       run_id text, ordinal int, export_id text, slice bigint, state text,
       pages bigint, records bigint, ignored bigint, failed bigint, failures bigint
     )
     order by run_id, ordinal
     on conflict (run_id, ordinal) do update set
       export_id = excluded.export_id, slice = excluded.slice, state = excluded.state, pages = excluded.pages,
       records = excluded.records, ignored = excluded.ignored, failed = excluded.failed, failures = excluded.failures`,
);

export async function writeHeads(
  client: ClientBase,
  heads: ReadonlyMap<string, ReadonlyMap<number, GeneratorHeadState>>,
): Promise<void> {
  if (heads.size === 0) return;
  const rows = [...heads].flatMap(([runId, ofRun]) =>
    [...ofRun].map(([ordinal, { exportId, ...head }]) => ({ run_id: runId, ordinal, export_id: exportId, ...head })),
  );
  await run(client, writeHeadsSql, [JSON.stringify(rows)]);
}

export interface JobChange {
  readonly jobId: string;
  readonly delta: JobDelta | null;
  readonly end: {
    readonly status: 'completed' | 'failed' | 'canceled';
    readonly failure: { readonly code: string; readonly message: string } | null;
    /** ISO 8601 */
    readonly endedAt: string;
    readonly doneExporting: boolean;
  } | null;
}

// The ids come as a parameter, too: joined with records of unknown number alone, the planner reads every job there is.
const writeJobsSql = prepared(
  `update jobs set
       num_success = num_success + change.success,
       num_error = num_error + change.error,
       num_open_error = num_open_error + change.error,
       num_ignore = num_ignore + change.ignore,
       num_pages_generated = num_pages_generated + change.pages_generated,
       num_pages_processed = num_pages_processed + change.pages_processed,
       done_exporting = jobs.done_exporting or change.done_exporting,
       routers = coalesce(change.routers, jobs.routers),
       status = coalesce(change.status, jobs.status),
       failure = coalesce(change.failure, jobs.failure),
       ended_at = coalesce(change.ended_at, jobs.ended_at),
       last_modified = $2::timestamptz
     from json_to_recordset($1::json) as change (
       id text, success bigint, error bigint, ignore bigint, pages_generated bigint, pages_processed bigint,
       done_exporting boolean, routers json, status text, failure jsonb, ended_at timestamptz
     )
     where jobs.id = change.id and jobs.id = any($3::text[])`,
);

/** Adds to the counts of runs and child jobs, each row once, and ends those that end. */
export async function writeJobs(client: ClientBase, changes: readonly JobChange[]): Promise<void> {
  if (changes.length === 0) return;
  const rows = changes.map(({ jobId, delta, end }) => ({
    id: jobId,
    success: delta?.success ?? 0,
    error: delta?.error ?? 0,
    ignore: delta?.ignore ?? 0,
    pages_generated: delta?.pagesGenerated ?? 0,
    pages_processed: delta?.pagesProcessed ?? 0,
    done_exporting: (delta?.doneExporting ?? false) || (end?.doneExporting ?? false),
    routers: delta?.routers ?? null,
    status: end?.status ?? null,
    failure: end?.failure ?? null,
    ended_at: end?.endedAt ?? null,
  }));
  await run(client, writeJobsSql, [JSON.stringify(rows), new Date(), rows.map(({ id }) => id)]);
}

const sumsSql = prepared(
  `select run_id, sum(pages) as pages, sum(forked) as forked from page_results
   where run_id = any($1::text[]) group by run_id`,
);

/** Sums over the ledger's rows themselves, by run; a run without any is not among them. */
export async function sumPages(
  client: ClientBase,
  runIds: readonly string[],
): Promise<ReadonlyMap<string, Pick<Evidence, 'pages' | 'forked'>>> {
  if (runIds.length === 0) return new Map();
  const { rows } = await run<{ run_id: string; pages: string; forked: string }>(client, sumsSql, [runIds]);
  return new Map(rows.map((row) => [row.run_id, { pages: Number(row.pages), forked: Number(row.forked) }]));
}
