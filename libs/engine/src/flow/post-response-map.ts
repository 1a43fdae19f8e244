import type { Failure } from '#failures';
import { isRecord, type JsonRecord, type JsonValue } from '#model';
import { rejoin } from './rejoin.js';
import { failed } from './settle-unit.js';
import { callFunction, elementsOf, invalidReturn, type UserFunction } from './user-function.js';
import type { Settled, Slot, StepPass, Unit } from './units.js';

/** What the hook may edit: a record, or child, that goes on, with the response that was mapped onto it. */
interface Target {
  readonly units: readonly Unit[];
  readonly record: JsonValue;
  readonly response: JsonValue;
  readonly replace: (record: JsonValue) => void;
}

/**
 * Calls `postResponseMap` with the records that go on. With one-to-many it sees the parents, their children joined back, and
 * for each the list of its children's responses; a script that asks for it sees the children instead. When the hook fails,
 * every record that it was given does. Reference: runtime §16.1.
 */
export async function postResponseMap(
  pass: StepPass,
  hook: UserFunction,
  slots: readonly Slot[],
  rejoined: Map<Slot, JsonValue>,
): Promise<void> {
  const targets = slots.flatMap((slot) => targetsOf(pass, slot, rejoined));
  if (targets.length === 0) return;
  const { run, effects, details } = pass;
  const options: JsonRecord = {
    postResponseMapData: targets.map(({ record }) => record),
    responseData: targets.map(({ response }) => response),
    oneToMany: details.fanOut !== undefined,
    ...(details.pathToMany === undefined ? {} : { pathToMany: details.pathToMany }),
  };
  try {
    const answer = await callFunction(hook, options, run, effects.functions);
    const elements = 'failure' in answer ? answer.failure : elementsOf(answer.value, targets.length, hook.source);
    if ('code' in elements) failAll(pass, targets, elements);
    else targets.forEach((target, at) => use(pass, hook, target, elements[at]));
  } catch (error) {
    // The records were sent before the cancel: they go on as the response mapping left them.
    if (!effects.isCanceled()) throw error;
  }
}

function use(pass: StepPass, hook: UserFunction, target: Target, element: JsonValue | undefined): void {
  if (isRecord(element) || Array.isArray(element)) {
    target.replace(element);
    return;
  }
  const message = 'Each element that postResponseMap returns must be a record.';
  failAll(pass, [target], invalidReturn(hook.source, message));
}

function failAll(pass: StepPass, targets: readonly Target[], failure: Failure): void {
  for (const { units } of targets) {
    for (const unit of units) unit.outcome = failed(pass, unit, [failure]);
  }
}

function targetsOf(pass: StepPass, slot: Slot, rejoined: Map<Slot, JsonValue>): readonly Target[] {
  const { hookSeesChildren } = pass.details;
  if (slot.children === null) return goesOn(pass, slot) ? [targetOf(slot, slot.outcome)] : [];
  const { children } = slot;
  if (hookSeesChildren) {
    return children.flatMap((unit) => (goesOn(pass, unit) ? [targetOf(unit, unit.outcome)] : []));
  }
  const settled = children.flatMap((unit) => (goesOn(pass, unit) ? [unit.outcome] : []));
  if (settled.length < children.length) return [];
  return [
    {
      units: children,
      record: rejoin(pass, slot, settled),
      response: settled.map(({ response }) => response ?? {}),
      replace: (record) => rejoined.set(slot, record),
    },
  ];
}

function targetOf(unit: Unit, outcome: Settled): Target {
  return {
    units: [unit],
    record: outcome.record,
    response: outcome.response ?? {},
    replace: (record) => {
      unit.outcome = { ...outcome, record };
    },
  };
}

function goesOn(pass: StepPass, unit: Unit): unit is Unit & { outcome: Settled } {
  const { outcome } = unit;
  if (outcome === undefined || outcome.kind === 'untouched') return false;
  return outcome.kind !== 'failed' || pass.instruction.step.proceedOnFailure;
}
