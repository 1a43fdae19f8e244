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
  `select id, account_id, flow_id, status, routers from jobs
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
  const { rows: runs } = await run<RunRow>(client, lockRunsSql, [runIds]);
  // A statement of its own, after the lock: it sees what the transaction before us wrote.
  const ids = runs.map(({ id }) => id);
  const { rows: children } = await run<ChildRow>(client, childrenSql, [ids]);
  const { rows: heads } = await run<HeadRow>(client, headsSql, [ids]);
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

interface EvidenceRow {
  readonly id: string;
  readonly pages: string;
  readonly forked: string;
  readonly generators: unknown;
  readonly export_id: string | null;
  readonly asked: unknown;
}

const evidenceSql = prepared(
  `select
       jobs.id,
       coalesce(sums.pages, 0) as pages,
       coalesce(sums.forked, 0) as forked,
       run_plans.plan -> 'flow' -> 'pageGenerators' as generators,
       run_plans.plan -> 'flow' ->> '_exportId' as export_id,
       jobs.request -> '_exportIds' as asked
     from jobs
     left join run_plans on run_plans.id = jobs.plan_id
     left join lateral (
       select sum(pages) as pages, sum(forked) as forked from page_results where run_id = jobs.id
     ) sums on true
     where jobs.id = any($1::text[])`,
);

/** Sums over the ledger's rows themselves, and what the plan said would be read. */
export async function readEvidence(
  client: ClientBase,
  runIds: readonly string[],
): Promise<ReadonlyMap<string, Evidence>> {
  if (runIds.length === 0) return new Map();
  const { rows } = await run<EvidenceRow>(client, evidenceSql, [runIds]);
  return new Map(
    rows.map((row) => [
      row.id,
      { pages: Number(row.pages), forked: Number(row.forked), generators: expectedGenerators(row) },
    ]),
  );
}

/** Generators of the flow, or those of them that the start asked for. */
function expectedGenerators({ generators, export_id, asked }: EvidenceRow): string[] {
  const ofFlow = (Array.isArray(generators) ? generators : [{ _exportId: export_id }]).flatMap(
    (generator: { readonly _exportId?: unknown } | null) =>
      typeof generator?._exportId === 'string' ? [generator._exportId] : [],
  );
  if (!Array.isArray(asked) || asked.length === 0) return ofFlow;
  return ofFlow.filter((exportId) => asked.includes(exportId));
}
