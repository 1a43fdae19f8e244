import type { Failure } from '#failures';
import type { JsonValue } from '#model';
import type { PageRecord } from '../program.js';
import { failed, passedOver } from './settle-unit.js';
import { callForEach, type UserFunction } from './user-function.js';
import { verdictOf, type Verdict } from './verdict.js';
import { indexOfChild, untouched, type Outcome, type Slot, type StepPass, type Unit } from './units.js';

/** Filter and fan-out: decides what of a page a step works on. Reference: runtime §9.1, §9.2, §9.3. */
export async function admit(pass: StepPass, records: readonly PageRecord[]): Promise<readonly Slot[]> {
  const { filterScript } = pass.details;
  if (filterScript === undefined) {
    const { filter } = pass.instruction.step;
    return records.map((entry) => slotOf(pass, entry, filter === undefined || filter(entry.record, pass.run)));
  }
  const verdicts = await judgeByScript(pass, filterScript, records);
  return records.map((entry, at) =>
    verdicts === null ? closed(entry, untouched) : slotOf(pass, entry, verdicts[at] ?? false),
  );
}

/** @returns null when a cancel came first */
async function judgeByScript(
  { run, effects }: StepPass,
  script: UserFunction,
  records: readonly PageRecord[],
): Promise<readonly Verdict[] | null> {
  try {
    const each = records.map(({ record }) => ({ record }));
    return (await callForEach(script, each, run, effects.functions)).map((outcome) =>
      'failure' in outcome ? outcome.failure : verdictOf(outcome.value, script),
    );
  } catch (error) {
    if (effects.isCanceled()) return null;
    throw error;
  }
}

function slotOf(pass: StepPass, entry: PageRecord, verdict: Verdict): Slot {
  const { record } = entry;
  const origin = { origin: record };
  if (verdict === false) return closed(entry, passedOver(pass, origin));
  if (verdict !== true) return closed(entry, failed(pass, origin, [verdict]));
  const { fanOut } = pass.details;
  if (fanOut === undefined) {
    return {
      entry,
      index: entry.index,
      origin: record,
      input: record,
      mapped: record,
      outcome: undefined,
      children: null,
    };
  }
  const children = fanOut.split(record);
  if (!isList(children)) return closed(entry, failed(pass, origin, [children]));
  if (children.length === 0) return closed(entry, { kind: 'success', record });
  return {
    ...closed(entry, undefined),
    children: children.map((child, ordinal): Unit => {
      const index = indexOfChild(entry, ordinal);
      return { entry, index, origin: child, input: child, mapped: child, outcome: undefined };
    }),
  };
}

/** A record of which nothing is sent. */
function closed(entry: PageRecord, outcome: Outcome | undefined): Slot {
  const { index, record } = entry;
  return { entry, index, origin: record, input: record, mapped: record, outcome, children: null };
}

function isList(value: readonly JsonValue[] | Failure): value is readonly JsonValue[] {
  return Array.isArray(value);
}
