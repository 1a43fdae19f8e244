import type { JsonValue } from '#model';
import type { PageRecord, StepCounts } from '../program.js';
import { combinedError, rejoin } from './rejoin.js';
import { stageOf, type Settled, type Slot, type StepPass, type Unit } from './units.js';

/**
 * Counts every record exactly once (decision 1) and gathers those that go on, in order.
 *
 * @param rejoined parents whose children a hook joined back
 */
export function concludeUnits(
  pass: StepPass,
  slots: readonly Slot[],
  rejoined: ReadonlyMap<Slot, JsonValue>,
): readonly PageRecord[] {
  const onward: PageRecord[] = [];
  if (slots.length === 0) return onward;
  const counts = pass.ledger.counts(pass.instruction.stepId);
  for (const slot of slots) {
    const { entry, children } = slot;
    const record =
      children === null ? concludeOne(pass, slot, counts) : concludeChildren(pass, slot, children, rejoined.get(slot));
    if (record !== undefined) onward.push(record === entry.record ? entry : { ...entry, record });
  }
  return onward;
}

/** @returns the record as it goes on; undefined when it does not */
function concludeOne(pass: StepPass, unit: Unit, counts: StepCounts): JsonValue | undefined {
  const { entry, outcome } = unit;
  const { ledger, instruction } = pass;
  if (outcome === undefined || outcome.kind === 'untouched') {
    ledger.interrupted = true;
    return undefined;
  }
  if (outcome.kind !== 'failed') {
    counts[outcome.kind === 'success' ? 'success' : 'ignore'] += 1;
    return outcome.record;
  }
  counts.error += 1;
  for (const failure of outcome.failures) {
    ledger.fail(instruction.stepId, stageOf(instruction), entry, { failure, ...uriOf(pass, unit, outcome.dataURI) });
  }
  return instruction.step.proceedOnFailure ? outcome.record : undefined;
}

/**
 * Children count one by one and fail alone, each with the error of its own that a retry needs: its parent with no other child.
 * The parent carries their combined error, which counts nothing and holds nothing to retry, so that no child is sent
 * again that went through. It goes on with all of them joined back, unless one failed and failures do not proceed.
 * Reference: runtime §9.1, errors §4, §15.
 */
function concludeChildren(
  pass: StepPass,
  slot: Slot,
  units: readonly Unit[],
  rejoined: JsonValue | undefined,
): JsonValue | undefined {
  const { ledger, instruction } = pass;
  const counts = ledger.counts(instruction.stepId);
  const settled: Settled[] = [];
  units.forEach((unit, ordinal) => {
    const { outcome } = unit;
    if (outcome === undefined || outcome.kind === 'untouched') {
      ledger.interrupted = true;
      return;
    }
    settled.push(outcome);
    if (outcome.kind !== 'failed') {
      counts[outcome.kind === 'success' ? 'success' : 'ignore'] += 1;
      return;
    }
    counts.error += 1;
    failChild(pass, unit, outcome, ordinal);
  });
  const combined = combinedError(units);
  if (combined !== undefined) {
    const parent = { failure: combined, isWarning: true, retryRecord: null };
    ledger.fail(instruction.stepId, stageOf(instruction), slot.entry, parent);
  }
  const goesOn = settled.length === units.length && (combined === undefined || instruction.step.proceedOnFailure);
  return goesOn ? (rejoined ?? rejoin(pass, slot, settled)) : undefined;
}

function failChild(
  pass: StepPass,
  unit: Unit,
  outcome: Extract<Settled, { readonly kind: 'failed' }>,
  ordinal: number,
): void {
  const { ledger, details, run, instruction } = pass;
  const traceKey = details.childTraceKey?.(unit.input, run);
  const retryRecord = details.fanOut?.only(unit.entry.record, ordinal);
  for (const failure of outcome.failures) {
    ledger.fail(instruction.stepId, stageOf(instruction), unit.entry, {
      failure,
      ...uriOf(pass, unit, outcome.dataURI),
      ...(traceKey === undefined ? {} : { traceKey }),
      ...(retryRecord === undefined ? {} : { retryRecord }),
    });
  }
}

/** The application's own, else the one that `dataURITemplate` gives. */
function uriOf(
  { details, run }: StepPass,
  { input }: Unit,
  own: string | undefined,
): { readonly importDataURI?: string } {
  const importDataURI = own ?? details.dataURI?.(input, run);
  return importDataURI === undefined ? {} : { importDataURI };
}
