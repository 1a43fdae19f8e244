import type { Failure } from '#failures';
import { isRecord, type JsonRecord, type JsonValue } from '#model';
import { failuresFrom } from './hook-errors.js';
import { failed, passedOver, warn } from './settle-unit.js';
import { mapRecords } from './map-records.js';
import { callFunction, elementsOf, invalidReturn, type UserFunction } from './user-function.js';
import { openOf, untouched, type StepPass, type Unit } from './units.js';
import { type Shown, watched } from './watch-units.js';

/** preMap → choice and mapping → postMap, on the units of a page. Reference: runtime §9.3. */
export async function mapUnits(pass: StepPass, units: readonly Unit[]): Promise<void> {
  const { preMap, postMap } = pass.details;
  if (preMap !== undefined) await watched(pass, 'preMapHook', units, inputs, () => editInputs(pass, preMap, units));
  await watched(pass, 'mapping', units, mapped, () => mapRecords(pass, openOf(units)));
  if (postMap !== undefined) await watched(pass, 'postMapHook', units, outputs, () => editMapped(pass, postMap, units));
}

const inputOf = ({ input }: Unit) => input;
const mappedOf = ({ mapped: value }: Unit) => value;
const inputs: Shown = { input: inputOf, output: inputOf };
const mapped: Shown = { input: inputOf, output: mappedOf };
const outputs: Shown = { input: mappedOf, output: mappedOf };

function editInputs(pass: StepPass, hook: UserFunction, units: readonly Unit[]): Promise<void> {
  return edit(
    pass,
    hook,
    openOf(units),
    (open) => ({ data: open.map(inputOf) }),
    (unit, data) => {
      unit.input = data;
      unit.mapped = data;
    },
  );
}

function editMapped(pass: StepPass, hook: UserFunction, units: readonly Unit[]): Promise<void> {
  return edit(pass, hook, openOf(units), shownToPostMap, (unit, data) => {
    unit.mapped = data;
  });
}

function shownToPostMap(open: readonly Unit[]): JsonRecord {
  return { preMapData: open.map(inputOf), postMapData: open.map(mappedOf) };
}

/**
 * Lets a hook edit the records of a page. It answers one element per record: `{data}` goes on, `{errors}` fails, both go on
 * and are logged (decision 24), `{}` is ignored; an exception fails every record. Reference: runtime §16.1.
 */
async function edit(
  pass: StepPass,
  hook: UserFunction,
  open: readonly Unit[],
  optionsOf: (open: readonly Unit[]) => JsonRecord,
  use: (unit: Unit, data: JsonValue) => void,
): Promise<void> {
  if (open.length === 0) return;
  const elements = await askBeforeSending(pass, hook, open, optionsOf(open));
  elements?.forEach((element, at) => {
    const unit = open[at]!;
    if (!isRecord(element)) {
      const found = JSON.stringify(element ?? null).slice(0, 80);
      const message = `Each element must be an object with data, errors or neither; element ${at} is ${found}.`;
      unit.outcome = failed(pass, unit, [invalidReturn(hook.source, message)]);
      return;
    }
    const { data } = element;
    const errors = failuresFrom(element.errors, hook.source);
    if (data !== undefined && data !== null) {
      use(unit, data);
      warn(pass, unit, errors);
    } else if (errors.length > 0) unit.outcome = failed(pass, unit, errors);
    else unit.outcome = passedOver(pass, unit);
  });
}

/** @returns null when every unit has its outcome already: the hook failed, or a cancel came first */
async function askBeforeSending(
  pass: StepPass,
  hook: UserFunction,
  open: readonly Unit[],
  options: JsonRecord,
): Promise<readonly (JsonValue | undefined)[] | null> {
  try {
    const answer = await callFunction(hook, options, pass.run, pass.effects.functions);
    const elements = 'failure' in answer ? answer.failure : elementsOf(answer.value, open.length, hook.source);
    if (isElements(elements)) return elements;
    for (const unit of open) unit.outcome = failed(pass, unit, [elements]);
  } catch (error) {
    if (!pass.effects.isCanceled()) throw error;
    for (const unit of open) unit.outcome = untouched;
  }
  return null;
}

function isElements(
  elements: readonly (JsonValue | undefined)[] | Failure,
): elements is readonly (JsonValue | undefined)[] {
  return Array.isArray(elements);
}
