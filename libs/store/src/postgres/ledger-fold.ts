import type { GeneratorResult, PagesResult } from '#contracts';
import type { JobRouter } from '#model';
import {
  entryKey,
  noDelta,
  type ChildState,
  type GeneratorHeadState,
  type JobDelta,
  type LedgerEntry,
  type RunState,
} from './ledger-state.js';

export interface Results {
  readonly pages: readonly PagesResult[];
  readonly generators: readonly GeneratorResult[];
}

export interface Folded {
  /** by job id: runs and their child jobs */
  readonly deltas: ReadonlyMap<string, JobDelta>;
  /** heads that moved, by run and ordinal */
  readonly heads: ReadonlyMap<string, ReadonlyMap<number, GeneratorHeadState>>;
}

/** Rows that must be new for the results to count. */
export function entriesOf({ pages, generators }: Results): LedgerEntry[] {
  return [
    ...pages.map(({ runId, resultId, pages: count, forked }) => ({ runId, resultId, pages: count, forked })),
    // Totals of a generator are absolute and need no row; failures without a record are reported slice by slice.
    ...generators
      .filter((result) => failuresWithoutRecord(result) > 0)
      .map((result) => ({ runId: result.runId, resultId: sliceEntryId(result), pages: 0, forked: 0 })),
  ];
}

/**
 * What results add to the counts of runs and their steps (decision 1).
 *
 * @param isNew whether the row of a result was really inserted; a result delivered before adds nothing (P3)
 */
export function foldResults(
  runs: ReadonlyMap<string, RunState>,
  results: Results,
  isNew: (key: string) => boolean,
): Folded {
  const deltas = new Map<string, JobDelta>();
  const heads = new Map<string, Map<number, GeneratorHeadState>>();
  const counted = new Set<string>();
  // A batch may hold the same result twice; the row stands for the first.
  const counts = (entry: Pick<LedgerEntry, 'runId' | 'resultId'>): boolean => {
    const key = entryKey(entry);
    if (!isNew(key) || counted.has(key)) return false;
    counted.add(key);
    return true;
  };
  const deltaOf = (jobId: string): JobDelta => {
    const delta = deltas.get(jobId) ?? noDelta();
    deltas.set(jobId, delta);
    return delta;
  };

  for (const result of results.pages) {
    const run = runs.get(result.runId);
    if (!run || !counts(result)) continue;
    const total = deltaOf(run.runId);
    for (const step of result.steps) {
      const child = processorOf(run, step.stepId);
      if (child) {
        const delta = deltaOf(child.jobId);
        delta.success += step.success;
        delta.error += step.error;
        delta.ignore += step.ignore;
        delta.pagesProcessed += step.pages;
      }
      if (child?.type === 'import') total.success += step.success;
      total.error += step.error;
      total.ignore += step.ignore;
    }
    for (const router of result.routers ?? []) {
      // Records that could not be routed are among the errors of their generator.
      total.ignore += router.ignore;
      total.routers = addRouted(total.routers ?? run.routers, router);
    }
  }

  for (const result of results.generators) {
    const run = runs.get(result.runId);
    if (!run) continue;
    const moved = heads.get(run.runId) ?? new Map<number, GeneratorHeadState>();
    const before = moved.get(result.ordinal) ?? run.heads.get(result.ordinal) ?? null;
    const hasNewFailures =
      failuresWithoutRecord(result) > 0 && counts({ runId: run.runId, resultId: sliceEntryId(result) });
    const after = moveHead(before, result, hasNewFailures ? failuresWithoutRecord(result) : 0);
    if (after === before) continue;
    heads.set(run.runId, moved.set(result.ordinal, after));
    const child = run.children.find(({ type, stepId }) => type === 'export' && stepId === result.exportId);
    for (const delta of [deltaOf(run.runId), ...(child ? [deltaOf(child.jobId)] : [])]) {
      delta.error += after.failed + after.failures - (before?.failed ?? 0) - (before?.failures ?? 0);
      delta.ignore += after.ignored - (before?.ignored ?? 0);
      delta.pagesGenerated += after.pages - (before?.pages ?? 0);
    }
    if (child) {
      const delta = deltaOf(child.jobId);
      delta.success += after.records - (before?.records ?? 0);
      delta.doneExporting ||= after.state === 'done';
    }
  }
  return { deltas, heads };
}

type Routed = NonNullable<PagesResult['routers']>[number];

function addRouted(routers: readonly JobRouter[] | null, routed: Routed): readonly JobRouter[] | null {
  return (
    routers?.map((router, index) =>
      index === routed.router
        ? {
            ...router,
            numSuccess: router.numSuccess + routed.success,
            numError: router.numError + routed.error,
            numIgnore: router.numIgnore + routed.ignore,
            branches: router.branches.map((branch, at) => ({
              ...branch,
              numRecords: branch.numRecords + (routed.branches[at] ?? 0),
            })),
          }
        : router,
    ) ?? null
  );
}

/** The newest slice holds the totals; of two reports of one slice, the one that ends the generator. */
function moveHead(before: GeneratorHeadState | null, result: GeneratorResult, newFailures: number): GeneratorHeadState {
  const isNewer =
    before === null ||
    result.slice > before.slice ||
    (result.slice === before.slice && before.state === 'reading' && result.state !== 'reading');
  if (!isNewer) return newFailures === 0 ? before : { ...before, failures: before.failures + newFailures };
  return {
    exportId: result.exportId,
    slice: result.slice,
    state: result.state,
    ...result.totals,
    failures: (before?.failures ?? 0) + newFailures,
  };
}

/** An export may be a generator and a lookup of one flow: generators come first, so a processor is the last of its id. */
function processorOf(run: RunState, stepId: string): ChildState | undefined {
  return run.children.findLast((child) => child.stepId === stepId);
}

/** Those are not in the totals, which count records. Warnings count nowhere (decision 24). */
function failuresWithoutRecord({ errors }: GeneratorResult): number {
  return errors.filter(({ index, warning }) => index < 0 && !warning).length;
}

const sliceEntryId = ({ ordinal, slice, state }: GeneratorResult): string =>
  `generator ${ordinal}/${slice}/${state === 'reading' ? 'slice' : 'end'}`;
