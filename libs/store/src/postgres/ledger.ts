import type { ClientBase, Pool } from 'pg';
import { PositionConflict, type FinalizedRun, type Ledger, type LedgerBatch } from '../ports.js';
import { insertErrors } from './error-rows.js';
import { audit, type Verdict } from './ledger-audit.js';
import { entriesOf, foldResults } from './ledger-fold.js';
import { insertEntries, readEvidence, readRuns, writeHeads, writeJobs, type JobChange } from './ledger-rows.js';
import type { RunState } from './ledger-state.js';
import { inTransaction } from './transaction.js';

export function createLedger(pool: Pool): Ledger {
  return {
    async position(topic, group, partition) {
      const { rows } = await pool.query<{ next_offset: string }>(
        'select next_offset from consumer_positions where topic = $1 and consumer_group = $2 and partition = $3',
        [topic, group, partition],
      );
      return rows[0] ? BigInt(rows[0].next_offset) : null;
    },

    apply: (batch) => inTransaction(pool, (client) => apply(client, batch)),
  };
}

/**
 * The steps take their locks in one order, whoever runs them: position, runs by id, ledger rows by key, errors by id,
 * child jobs under the lock of their run. So two consumers whose batches share runs wait for each other, never in a circle.
 */
async function apply(client: ClientBase, batch: LedgerBatch): ReturnType<Ledger['apply']> {
  await movePosition(client, batch);
  const runs = await readRuns(client, runIdsOf(batch));
  // Results of runs that are unknown or whose ledger was pruned cannot be told from repeats: they count nowhere.
  const known = <T extends { readonly runId: string }>(results: readonly T[]) =>
    results.filter(({ runId }) => runs.has(runId));
  const results = { pages: known(batch.pages), generators: known(batch.generators) };
  const inserted = await insertEntries(client, entriesOf(results));
  const folded = foldResults(runs, results, (key) => inserted.has(key));
  await insertErrors(client, batch.errors);
  await writeHeads(client, folded.heads);

  const after = withHeads(runs, folded.heads);
  const verdicts = await judge(client, after, batch);
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
  await writeJobs(client, [...changes.values()]);
  return {
    finalized: verdicts.map(({ run, verdict }): FinalizedRun => ({
      runId: run.runId,
      accountId: run.accountId,
      flowId: run.flowId,
      status: verdict.status,
    })),
    changed: [...runs.keys()].filter((runId) => changes.has(runId)),
  };
}

/** Fails unless the batch begins where the partition stands; holds the partition until the transaction ends. */
async function movePosition(client: ClientBase, batch: LedgerBatch): Promise<void> {
  const { topic, group, partition, firstOffset, nextOffset } = batch;
  const { rowCount } = await client.query(
    `insert into consumer_positions (topic, consumer_group, partition, next_offset) values ($1, $2, $3, $4)
     on conflict (topic, consumer_group, partition) do update set next_offset = excluded.next_offset
     where consumer_positions.next_offset = $5`,
    [topic, group, partition, nextOffset.toString(), firstOffset.toString()],
  );
  if (rowCount === 0) {
    throw new PositionConflict(`${group} does not stand at ${firstOffset} in ${topic}/${partition}`);
  }
}

function runIdsOf({ pages, generators, finished }: LedgerBatch): string[] {
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

interface Judged {
  readonly run: RunState;
  readonly verdict: Verdict;
  readonly endedAt: string;
}

/** A run ends once: markers of runs that are final, or never started, change nothing. */
async function judge(
  client: ClientBase,
  runs: ReadonlyMap<string, RunState>,
  { finished }: LedgerBatch,
): Promise<Judged[]> {
  const markers = new Map<string, LedgerBatch['finished'][number]>();
  for (const marker of finished) {
    const status = runs.get(marker.runId)?.status;
    const isActive = status === 'running' || status === 'retrying' || status === 'canceling';
    if (isActive && !markers.has(marker.runId)) markers.set(marker.runId, marker);
  }
  const evidence = await readEvidence(client, [...markers.keys()]);
  return [...markers].flatMap(([runId, marker]) => {
    const run = runs.get(runId);
    const found = evidence.get(runId);
    return run && found ? [{ run, verdict: audit(run, marker, found), endedAt: marker.finishedAt }] : [];
  });
}
