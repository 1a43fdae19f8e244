import type { JsonValue } from '#model';
import type { StageEntry, StageName } from '../stages.js';
import type { Slot, StepPass, Unit } from './units.js';

/** What a unit shows of itself before and after a stage. */
export interface Shown {
  readonly input: (unit: Unit) => JsonValue;
  readonly output: (unit: Unit) => JsonValue;
}

/** Runs one stage, and reports what it made of the units that were open when it began. */
export async function watched(
  pass: StepPass,
  name: StageName,
  units: readonly Unit[],
  { input, output }: Shown,
  stage: () => void | Promise<void>,
): Promise<void> {
  const { watch } = pass.effects;
  if (watch === undefined) return stage();
  const arrived = units.filter(({ outcome }) => outcome === undefined).map((unit) => ({ unit, input: input(unit) }));
  await stage();
  const entries = arrived.map(({ unit, input: before }) =>
    entryOf(unit, before, unit.outcome === undefined ? output(unit) : undefined),
  );
  watch({ stepId: pass.instruction.stepId, name, entries });
}

/** Filters decide before there are units: their answer is in the slots. */
export function reportAdmission({ instruction, details, effects }: StepPass, slots: readonly Slot[]): void {
  const { stepId, step } = instruction;
  if (effects.watch === undefined || (step.filter === undefined && details.filterScript === undefined)) return;
  const entries = slots.map((slot) => {
    const { record } = slot.entry;
    return entryOf(slot, record, slot.outcome === undefined ? record : undefined);
  });
  effects.watch({ stepId, name: 'inputFilter', entries });
}

/** What came back for the units of a page, and what it made of them; also for those that nothing was sent for. */
export function reportResponses({ instruction, effects }: StepPass, slots: readonly Slot[]): void {
  if (effects.watch === undefined) return;
  const { stepId, step } = instruction;
  const leaves = slots.flatMap((slot): readonly Unit[] => slot.children ?? [slot]);
  const entries = leaves.flatMap((unit): readonly StageEntry[] => {
    const { outcome } = unit;
    if (outcome === undefined || outcome.kind === 'untouched') return [];
    const goesOn = outcome.kind !== 'failed' || step.proceedOnFailure;
    return [entryOf(unit, outcome.response, goesOn ? outcome.record : undefined)];
  });
  effects.watch({ stepId, name: 'responseMap', entries });
}

/** The records as `postResponseMap` left them: children joined back where it saw their parents. */
export function reportLast(
  { instruction, effects }: StepPass,
  slots: readonly Slot[],
  rejoined: ReadonlyMap<Slot, JsonValue>,
): void {
  if (effects.watch === undefined) return;
  const entries = slots.flatMap((slot): readonly StageEntry[] => {
    const whole = rejoined.get(slot);
    if (whole !== undefined) return [entryOf(slot, undefined, whole)];
    return (slot.children ?? [slot]).map((unit) => {
      const { outcome } = unit;
      return entryOf(unit, undefined, outcome?.kind === 'success' ? outcome.record : undefined);
    });
  });
  effects.watch({ stepId: instruction.stepId, name: 'postResponseMapHook', entries });
}

/** Whether what came back for a record is kept until the page is through: for a hook, or for a watcher. */
export function keepsResponses({ details, effects }: StepPass): boolean {
  return details.postResponseMap !== undefined || effects.watch !== undefined;
}

function entryOf(unit: Unit, input: JsonValue | undefined, output: JsonValue | undefined): StageEntry {
  const { outcome, entry } = unit;
  return {
    index: entry.index,
    ...(input === undefined ? {} : { input }),
    ...(output === undefined ? {} : { output }),
    ...(outcome?.kind === 'failed' ? { failures: outcome.failures } : {}),
  };
}
