import type { Failure } from '#failures';
import type {
  BranchChoice,
  Continuation,
  Effects,
  Instruction,
  PageIdentity,
  PageRecord,
  RouterCounts,
} from '../program.js';
import type { RunContext } from '../run-context.js';
import type { StageEntry } from '../stages.js';
import type { PageLedger } from './page-ledger.js';

export type ForkInstruction = Extract<Instruction, { readonly op: 'fork' }>;

/**
 * Sends the records of a page into the branches that they match, a copy into each.
 *
 * @returns one page per branch that got records, without branches that discard them
 */
export async function routePage(
  { routerId, router }: ForkInstruction,
  page: PageIdentity,
  records: readonly PageRecord[],
  run: RunContext,
  effects: Effects,
  ledger: PageLedger,
): Promise<readonly Continuation[]> {
  const counts: RouterCounts = {
    router: router.index,
    success: 0,
    error: 0,
    ignore: 0,
    branches: router.branches.map(() => 0),
  };
  const parts = router.branches.map((): PageRecord[] => []);
  const chosen = await chooseAll(router.choose, records, run, effects);
  if (chosen === 'canceled') {
    ledger.interrupted = true;
    return [];
  }
  records.forEach((record, at) => {
    const taken = chosen[at]!;
    if (isFailure(taken)) {
      counts.error += 1;
      ledger.failRouting(page.generator, routerId, record, taken);
    } else if (taken.length === 0) {
      counts.ignore += 1;
    } else {
      counts.success += 1;
      for (const branch of taken) {
        counts.branches[branch]! += 1;
        parts[branch]!.push(record);
      }
    }
  });
  effects.watch?.({
    stepId: routerId,
    name: 'router',
    entries: records.map(({ index, record }, at): StageEntry => {
      const taken = chosen[at]!;
      return { index, input: record, ...(isFailure(taken) ? { failures: [taken] } : { output: taken }) };
    }),
  });
  ledger.routers.push(counts);
  return router.branches.flatMap(({ position, copyOffset }, branch): Continuation[] => {
    const part = parts[branch]!;
    return part.length === 0 ? [] : [{ position, ...copyOf(page, copyOffset), records: part }];
  });
}

/** The copy number of a page that takes a branch, or a turn; absent when it stays 0. */
export function copyOf(page: PageIdentity, offset: number): Pick<PageIdentity, 'copy'> {
  const copy = (page.copy ?? 0) + offset;
  return copy === 0 ? {} : { copy };
}

type Chosen = readonly number[] | Failure;

async function chooseAll(
  choose: BranchChoice,
  records: readonly PageRecord[],
  run: RunContext,
  effects: Effects,
): Promise<readonly Chosen[] | 'canceled'> {
  try {
    return await choose(records, run, effects.functions);
  } catch (error) {
    if (effects.isCanceled()) return 'canceled';
    throw error;
  }
}

function isFailure(chosen: Chosen): chosen is Failure {
  return !Array.isArray(chosen);
}
