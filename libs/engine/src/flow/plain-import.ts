import type { LookupAnswers } from '../mapping/index.js';
import type { CompiledFlow, ImportOutcome, PageRecord, Position, PreparedRecord } from '../program.js';
import type { RunContext } from '../run-context.js';
import { failuresOf } from './envelopes.js';
import { detailsOf, type StepDetails } from './step-details.js';
import type { StepInstruction } from './units.js';

/**
 * An import that ends its page and knows what to send from the records alone: nothing is asked of the world, and no user's
 * function called, before its requests; and nobody sees the records once they are accepted.
 */
export interface PlainImport {
  readonly stepId: string;
  /**
   * Filters and maps a page as {@link runPage} does before it submits.
   *
   * @returns null when a record of it fails or wants a lookup: then the page takes its ordinary way
   */
  prepare(records: readonly PageRecord[], run: RunContext): PlainPage | null;
}

export interface PlainPage {
  readonly prepared: readonly PreparedRecord[];
  /** records that the step's filter passes over */
  readonly ignored: number;
}

/** @returns null where no plain import stands */
export function plainImportAt({ program }: CompiledFlow, position: Position): PlainImport | null {
  const instruction = program.instructions[position];
  if (instruction?.op !== 'import' || instruction.copyOffset !== undefined) return null;
  if (program.instructions[instruction.next]?.op !== 'end') return null;
  if (!isPlain(detailsOf(instruction.step))) return null;
  return {
    stepId: instruction.stepId,
    prepare: (records, run) => {
      try {
        return prepare(instruction.step, records, run);
      } catch {
        // Whatever it is, the page meets it again on its ordinary way, where it is reported.
        return null;
      }
    },
  };
}

/** Whether an outcome counts as a success and leaves nothing to tell. */
export function isPlainSuccess(outcome: ImportOutcome): boolean {
  return outcome.ignored !== true && outcome.warnings === undefined && failuresOf(outcome).length === 0;
}

function isPlain(details: StepDetails): boolean {
  const { fanOut, filterScript, choices, idLock, preMap, postMap, postSubmit, shapeAnswer, postResponseMap } = details;
  return [fanOut, filterScript, choices, idLock, preMap, postMap, postSubmit, shapeAnswer, postResponseMap].every(
    (part) => part === undefined,
  );
}

function prepare(
  { filter, map }: StepInstruction['step'],
  records: readonly PageRecord[],
  run: RunContext,
): PlainPage | null {
  const prepared: PreparedRecord[] = [];
  for (const { index, record } of records) {
    const verdict = filter === undefined || filter(record, run);
    if (verdict === false) continue;
    if (verdict !== true) return null;
    const mapped = map === undefined ? { value: record } : map(record, run, noAnswers);
    if ('failure' in mapped) return null;
    prepared.push({ index, record, mapped: mapped.value });
  }
  return { prepared, ignored: records.length - prepared.length };
}

/** Ends the attempt: answers are asked for once the page is durable. */
const noAnswers: LookupAnswers = (name) => {
  throw new Error(`The lookup ${name} has to be asked.`);
};
