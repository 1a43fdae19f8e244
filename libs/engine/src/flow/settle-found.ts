import type { Failure } from '#failures';
import type { JsonValue } from '#model';
import { groupAdjacent } from '../grouping.js';
import type { LookupOutcome } from '../program.js';
import { pickTraceKey } from '../trace-key.js';
import { lookupEnvelope } from './envelopes.js';
import { optionsOf, readSavedPage, type UnsavedPage } from './save-page.js';
import { accepted, failed } from './settle-unit.js';
import { shapeEach } from './shape-each.js';
import { callForEach, type UserFunction } from './user-function.js';
import { keepsResponses } from './watch-units.js';
import { stageOf, untouched, type Answered, type StepPass } from './units.js';

/** What a lookup found for one record, on its way to that record. */
interface Found extends Answered<LookupOutcome> {
  readonly data: readonly JsonValue[];
}

/** group → transform → filter → preSavePage → response mapping. Reference: runtime §9.2. */
export async function settleFound(pass: StepPass, answered: readonly Answered<LookupOutcome>[]): Promise<void> {
  const shaped = await shapeFound(pass, answered);
  const saved = shaped === null ? null : await saveFound(pass, shaped);
  if (saved === null) {
    for (const { unit } of answered) unit.outcome = untouched;
    return;
  }
  for (const { unit, outcome, failures, data } of saved) {
    if (failures.length > 0) unit.outcome = failed(pass, unit, failures, { statusCode: statusOf(outcome) });
    else if (pass.instruction.step.mapResponse === undefined && !keepsResponses(pass)) {
      unit.outcome = { kind: 'success', record: unit.origin };
    } else unit.outcome = accepted(pass, unit, 'success', lookupEnvelope({ statusCode: 200, data }, data));
  }
}

/** A record whose answer failed only in shaping has no failed status of its own. */
function statusOf({ statusCode }: LookupOutcome): number {
  return statusCode >= 200 && statusCode < 300 ? 422 : statusCode;
}

async function shapeFound(
  pass: StepPass,
  answered: readonly Answered<LookupOutcome>[],
): Promise<readonly Found[] | null> {
  const { shapeFound: shaper, groupKey } = pass.details;
  const found = answered.map((one): Found => {
    const { data } = one.outcome;
    return { ...one, data: groupKey === undefined ? data : groupAdjacent(data, groupKey) };
  });
  if (shaper === undefined) return found;
  const shaped = await shapeEach(
    shaper,
    found.flatMap(({ data }) => data),
    pass,
  );
  if (shaped === null) return null;
  let from = 0;
  return found.map((one): Found => {
    const of = shaped.slice(from, from + one.data.length);
    from += of.length;
    const data: JsonValue[] = [];
    const failures: Failure[] = [...one.failures];
    for (const each of of) {
      if (each === null) continue;
      if ('failure' in each) failures.push(each.failure);
      else data.push(each.value);
    }
    return { ...one, data, failures };
  });
}

async function saveFound(pass: StepPass, found: readonly Found[]): Promise<readonly Found[] | null> {
  const { preSavePage: hook } = pass.details;
  if (hook === undefined || found.length === 0) return found;
  const { run, effects } = pass;
  const pages = found.map((one) => unsavedOf(pass, one));
  try {
    const each = pages.map((page) => optionsOf(page, run));
    const outcomes = await callForEach(hook, each, run, effects.functions);
    return found.map((one, at) => {
      const outcome = outcomes[at]!;
      return 'failure' in outcome
        ? { ...one, failures: [outcome.failure] }
        : edited(hook, one, pages[at]!, outcome.value);
    });
  } catch (error) {
    if (effects.isCanceled()) return null;
    throw error;
  }
}

/** Each record has a page of its own: what was found for it. */
function unsavedOf({ instruction }: StepPass, { unit, data, failures }: Found): UnsavedPage {
  const traceKey = unit.entry.traceKey ?? pickTraceKey(unit.entry.record);
  return {
    data,
    errors: failures.map((failure) => ({ failure, traceKey, record: unit.entry.record })),
    pageIndex: 0,
    stage: stageOf(instruction),
  };
}

function edited(hook: UserFunction, found: Found, page: UnsavedPage, value: JsonValue | undefined): Found {
  const saved = readSavedPage(hook, page, value);
  if ('failure' in saved) return { ...found, failures: [saved.failure] };
  const failures = [...saved.errors, ...saved.found].map(({ failure }) => failure);
  return { ...found, data: saved.data, failures };
}
