import type { ClientBase, Pool } from 'pg';
import { PositionConflict, type FinalizedRun, type Ledger, type LedgerBatch } from '../ports.js';
import { coalesce } from '#lanes/coalesce';
import { insertErrors } from './error-rows.js';
import { audit, type Evidence, type Verdict } from './ledger-audit.js';
import { entriesOf, foldResults, type Results } from './ledger-fold.js';
import { insertEntries, readRuns, sumPages, writeHeads, writeJobs, type JobChange } from './ledger-rows.js';
import { entryKey, type RunState } from './ledger-state.js';
import { PlanGenerators } from './plan-generators.js';
import { prepared, run } from './statement.js';
import { batchSpacingMs, inTransaction, isFaultOfRow } from './transaction.js';

type Applied = Awaited<ReturnType<Ledger['apply']>>;

/** Of partitions, so a process rarely has more. */
const maxBatches = 32;

export function createLedger(pool: Pool): Ledger {
  const plans = new PlanGenerators();
  // Batches of a process's partitions that arrive while a transaction is under way share the next one.
  const apply = coalesce<LedgerBatch, Applied>(
    (batches) => inTransaction(pool, (client) => applyAll(client, plans, batches)),
    {
      maxItems: maxBatches,
      isFaultOfItem: (error) => error instanceof PositionConflict || isFaultOfRow(error),
      spacingMs: batchSpacingMs,
    },
  );
  return {
    async position(topic, group, partition) {
      const { rows } = await pool.query<{ next_offset: string }>(
        'select next_offset from consumer_positions where topic = $1 and consumer_group = $2 and partition = $3',
        [topic, group, partition],
      );
      return rows[0] ? BigInt(rows[0].next_offset) : null;
    },

    apply,
  };
}

/**
 * The steps take their locks in one order, whoever runs them: position, runs by id, ledger rows by key, errors by id,
 * child jobs under the lock of their run. So two consumers whose batches share runs wait for each other, never in a circle.
 * What needs no answer to the one before travels with it: four round trips, whatever the batch holds.
 */
async function applyAll(
  client: ClientBase,
  plans: PlanGenerators,
  batches: readonly LedgerBatch[],
): Promise<Applied[]> {
  const batch: Results & Pick<LedgerBatch, 'finished' | 'errors'> = {
    pages: batches.flatMap(({ pages }) => pages),
    generators: batches.flatMap(({ generators }) => generators),
    finished: batches.flatMap(({ finished }) => finished),
    errors: batches.flatMap(({ errors }) => errors),
  };
  const [, runs] = await Promise.all([movePositions(client, batches), readRuns(client, runIdsOf(batch))]);
  // Results of runs that are unknown or whose ledger was pruned cannot be told from repeats: they count nowhere.
  const known = <T extends { readonly runId: string }>(results: readonly T[]) =>
    results.filter(({ runId }) => runs.has(runId));
  const results = { pages: known(batch.pages), generators: known(batch.generators) };
  const ending = markersOf(runs, batch);
  const [inserted, sums, generators] = await Promise.all([
    insertEntries(client, entriesOf(results)),
    sumPages(client, [...ending.keys()]),
    plans.of(client, planIdsOf(runs, ending)),
  ]);
  const isNew = (key: string): boolean => inserted.has(key);
  const errors = batch.errors.filter(
    ({ flowJobId: runId, resultId }) =>
      resultId === undefined || !runs.has(runId) || isNew(entryKey({ runId, resultId })),
  );
  const folded = foldResults(runs, results, isNew);
  const after = withHeads(runs, folded.heads);
  const verdicts = judge(after, ending, (run) => evidenceOf(run, sums, generators));
  const changes = new Map<string, JobChange>(
    [...folded.deltas].map(([jobId, delta]) => [jobId, { jobId, delta, end: null }]),
  );
  for (const { run, verdict, endedAt } of verdicts) {
    const end = { status: verdict.status, failure: verdict.failure, endedAt, doneExporting: allDone(run) };
    changes.set(run.runId, { jobId: run.runId, delta: changes.get(run.runId)?.delta ?? null, end });
    for (const [jobId, status] of verdict.children) {
      const childEnd = { status, failure: null, endedAt, doneExporting: false };
      changes.set(jobId, { jobId, delta: changes.get(jobId)?.delta ?? null, end: childEnd });
    }
  }
  await Promise.all([
    insertErrors(client, errors),
    writeHeads(client, folded.heads),
    writeJobs(client, [...changes.values()]),
  ]);
  const finalized = new Map(
    verdicts.map(({ run: { runId, accountId, flowId }, verdict: { status } }): [string, FinalizedRun] => [
      runId,
      { runId, accountId, flowId, status },
    ]),
  );
  return batches.map((each) => {
    const ids = runIdsOf(each);
    return {
      finalized: ids.flatMap((runId) => finalized.get(runId) ?? []),
      changed: ids.filter((runId) => runs.has(runId) && changes.has(runId)),
    };
  });
}

const movePositionsSql = prepared(
  `insert into consumer_positions (topic, consumer_group, partition, next_offset)
   select topic, consumer_group, partition, next_offset
   from unnest($1::text[], $2::text[], $3::int[], $4::bigint[])
     as moved (topic, consumer_group, partition, next_offset)
   order by topic, consumer_group, partition
   on conflict (topic, consumer_group, partition) do update set next_offset = excluded.next_offset
   where consumer_positions.next_offset = (
     select first_offset
     from unnest($1::text[], $2::text[], $3::int[], $5::bigint[])
       as expected (topic, consumer_group, partition, first_offset)
     where (expected.topic, expected.consumer_group, expected.partition)
       = (excluded.topic, excluded.consumer_group, excluded.partition)
   )`,
);

/** Fails unless every batch begins where its partition stands; holds the partitions until the transaction ends. */
async function movePositions(client: ClientBase, batches: readonly LedgerBatch[]): Promise<void> {
  const partitions = new Set(batches.map(({ topic, group, partition }) => `${topic} ${group} ${partition}`));
  const { rowCount } =
    partitions.size < batches.length
      ? { rowCount: 0 }
      : await run(client, movePositionsSql, [
          batches.map(({ topic }) => topic),
          batches.map(({ group }) => group),
          batches.map(({ partition }) => partition),
          batches.map(({ nextOffset }) => nextOffset.toString()),
          batches.map(({ firstOffset }) => firstOffset.toString()),
        ]);
  if (rowCount === batches.length) return;
  const asked = batches.map(({ topic, partition, firstOffset }) => `at ${firstOffset} in ${topic}/${partition}`);
  throw new PositionConflict(`${batches[0]?.group} does not stand ${asked.join(', ')}`);
}

function runIdsOf({ pages, generators, finished }: Results & Pick<LedgerBatch, 'finished'>): string[] {
  return [...new Set([...pages, ...generators, ...finished].map(({ runId }) => runId))];
}

function withHeads(
  runs: ReadonlyMap<string, RunState>,
  moved: ReturnType<typeof foldResults>['heads'],
): ReadonlyMap<string, RunState> {
  return new Map(
    [...runs].map(([runId, run]) => [runId, { ...run, heads: new Map([...run.heads, ...(moved.get(runId) ?? [])]) }]),
  );
}

const allDone = ({ heads }: RunState): boolean =>
  heads.size > 0 && [...heads.values()].every(({ state }) => state === 'done');

type Marker = LedgerBatch['finished'][number];

/** A run ends once: markers of runs that are final, or never started, change nothing. */
function markersOf(
  runs: ReadonlyMap<string, RunState>,
  { finished }: Pick<LedgerBatch, 'finished'>,
): ReadonlyMap<string, Marker> {
  const markers = new Map<string, Marker>();
  for (const marker of finished) {
    const status = runs.get(marker.runId)?.status;
    const isActive = status === 'running' || status === 'retrying' || status === 'canceling';
    if (isActive && !markers.has(marker.runId)) markers.set(marker.runId, marker);
  }
  return markers;
}

function planIdsOf(runs: ReadonlyMap<string, RunState>, ending: ReadonlyMap<string, Marker>): string[] {
  return [...new Set([...ending.keys()].flatMap((runId) => runs.get(runId)?.planId ?? []))];
}

/** What the ledger's rows add up to, and what the plan said would be read. */
function evidenceOf(
  { runId, planId, asked }: RunState,
  sums: Awaited<ReturnType<typeof sumPages>>,
  generators: ReadonlyMap<string, readonly string[]>,
): Evidence {
  const ofFlow = (planId === null ? undefined : generators.get(planId)) ?? [];
  return {
    pages: 0,
    forked: 0,
    ...sums.get(runId),
    generators: asked === null ? ofFlow : ofFlow.filter((exportId) => asked.includes(exportId)),
  };
}

interface Judged {
  readonly run: RunState;
  readonly verdict: Verdict;
  readonly endedAt: string;
}

function judge(
  runs: ReadonlyMap<string, RunState>,
  ending: ReadonlyMap<string, Marker>,
  evidence: (run: RunState) => Evidence,
): Judged[] {
  return [...ending].flatMap(([runId, marker]) => {
    const run = runs.get(runId);
    return run ? [{ run, verdict: audit(run, marker, evidence(run)), endedAt: marker.finishedAt }] : [];
  });
}
