import type { PageRecord, RunPage } from '../program.js';
import { PageLedger } from './page-ledger.js';
import { runStep } from './run-step.js';

/**
 * Runs a page from a position of its program until it ends or reaches a checkpoint: an import that is not the last step.
 * What follows such an import is a continuation, to be made durable before the page that led to it is acknowledged.
 *
 * @throws Error for a position that the program does not have; effects do not throw for failures
 */
export const runPage: RunPage = async (flow, position, page, records, run, effects) => {
  const { instructions } = flow.program;
  const ledger = new PageLedger(flow.generators.get(page.generator), run);
  let current: readonly PageRecord[] = records;
  let at = position;
  for (;;) {
    const instruction = instructions[at];
    if (instruction === undefined) throw new Error(`The page program has no position ${at}.`);
    if (instruction.op === 'end' || current.length === 0) return ledger.conclude([]);
    if (instruction.op === 'fork') throw new Error(`The router ${instruction.routerId} cannot be run yet.`);
    if (effects.isCanceled()) {
      ledger.interrupted = true;
      return ledger.conclude([]);
    }
    current = await runStep(instruction, page, current, run, effects, ledger);
    at = instruction.next;
    if (instruction.op === 'import' && instructions[at]?.op !== 'end') {
      return ledger.conclude(current.length === 0 ? [] : [{ position: at, records: current }]);
    }
  }
};
