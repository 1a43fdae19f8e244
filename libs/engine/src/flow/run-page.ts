import type { PageIdentity, PageRecord, RunPage } from '../program.js';
import { PageLedger } from './page-ledger.js';
import { copyOf, routePage } from './route-page.js';
import { runStep } from './run-step.js';

/**
 * Runs a page from a position of its program until it ends or reaches a checkpoint: an import that is not the last step,
 * or a router whose records take more than one branch with something in it. What follows is a continuation per branch, to
 * be made durable before the page that led to it is acknowledged; a page that stays whole at a router runs on.
 *
 * @throws Error for a position that the program does not have; effects do not throw for failures
 */
export const runPage: RunPage = async (flow, position, page, records, run, effects) => {
  const { instructions } = flow.program;
  const ledger = new PageLedger(flow.generators.get(page.generator), run);
  let at = position;
  let identity = page;
  let current: readonly PageRecord[] = records;
  for (;;) {
    const instruction = instructions[at];
    if (instruction === undefined) throw new Error(`The page program has no position ${at}.`);
    if (instruction.op === 'end' || current.length === 0) return ledger.conclude([]);
    if (effects.isCanceled()) {
      ledger.interrupted = true;
      return ledger.conclude([]);
    }
    if (instruction.op === 'fork') {
      ledger.copy = identity.copy;
      const routed = await routePage(instruction, identity, current, run, effects, ledger);
      const parts = routed.filter((part) => instructions[part.position]?.op !== 'end');
      const [whole] = parts;
      if (whole === undefined || parts.length > 1) return ledger.conclude(parts);
      at = whole.position;
      identity = withCopy(page, whole);
      current = whole.records;
      continue;
    }
    const { copyOffset } = instruction;
    const atStep = copyOffset === undefined ? identity : withCopy(page, copyOf(identity, copyOffset));
    ledger.copy = atStep.copy;
    current = await runStep(instruction, atStep, current, run, effects, ledger);
    at = instruction.next;
    if (instruction.op === 'import' && instructions[at]?.op !== 'end') {
      return ledger.conclude(current.length === 0 ? [] : [{ position: at, ...copyOf(identity, 0), records: current }]);
    }
  }
};

function withCopy({ copy: _own, ...page }: PageIdentity, { copy }: Pick<PageIdentity, 'copy'>): PageIdentity {
  return copy === undefined ? page : { ...page, copy };
}
