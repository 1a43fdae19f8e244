import type { Failure } from '#failures';
import { isRecord, type JsonRecord, type JsonValue } from '#model';
import type { ImportOutcome } from '../program.js';
import { failuresOf, importEnvelope } from './envelopes.js';
import { failuresFrom } from './hook-errors.js';
import { accepted, failed, warn } from './settle-unit.js';
import { callFunction, elementsOf, type UserFunction } from './user-function.js';
import { keepsResponses } from './watch-units.js';
import { shapeEach } from './shape-each.js';
import type { Answered, StepPass } from './units.js';

/** An answer of a destination on its way to the record. */
interface Response extends Answered<ImportOutcome> {
  readonly answer: JsonValue | undefined;
}

/** responseTransform → postSubmit → response mapping. Reference: runtime §9.3. */
export async function settleSubmitted(pass: StepPass, answered: readonly Answered<ImportOutcome>[]): Promise<void> {
  const { postSubmit, shapeAnswer } = pass.details;
  if (postSubmit === undefined && shapeAnswer === undefined) {
    for (const one of answered) settle(pass, one, one.outcome._json);
    return;
  }
  const responses = await transformAnswers(pass, answered);
  if (postSubmit === undefined) for (const response of responses) settle(pass, response, response.answer);
  else await settleAsHookSays(pass, postSubmit, responses);
}

async function transformAnswers(
  pass: StepPass,
  answered: readonly Answered<ImportOutcome>[],
): Promise<readonly Response[]> {
  const { shapeAnswer } = pass.details;
  const responses = answered.map((one): Response => ({ ...one, answer: one.outcome._json }));
  if (shapeAnswer === undefined) return responses;
  const open = responses.filter(({ failures, answer }) => failures.length === 0 && answer !== undefined);
  const shaped = await shapeEach(
    shapeAnswer,
    open.map(({ answer }) => answer!),
    pass,
  );
  const changed = new Map<Response, Response>();
  open.forEach((response, at) => {
    const made = shaped?.[at];
    // An aborted transform leaves the answers as they came: the records were sent and count (decision 6).
    if (made === undefined || made === null) return;
    changed.set(
      response,
      'failure' in made ? { ...response, failures: [made.failure] } : { ...response, answer: made.value },
    );
  });
  return responses.map((response) => changed.get(response) ?? response);
}

function settle(
  pass: StepPass,
  { unit, outcome, failures }: Answered<ImportOutcome>,
  answer: JsonValue | undefined,
): void {
  if (failures.length > 0) {
    unit.outcome = failed(pass, unit, failures, outcome);
    return;
  }
  if (outcome.warnings !== undefined) warn(pass, unit, outcome.warnings);
  const kind = outcome.ignored === true ? 'ignored' : 'success';
  const needsNoResponse = pass.instruction.step.mapResponse === undefined && !keepsResponses(pass);
  unit.outcome = needsNoResponse
    ? { kind, record: unit.origin }
    : accepted(pass, unit, kind, importEnvelope(outcome, answer));
}

/** The hook may turn successes into errors and back; when it fails, every record of the page does. */
async function settleAsHookSays(pass: StepPass, hook: UserFunction, responses: readonly Response[]): Promise<void> {
  if (responses.length === 0) return;
  const given = responses.map((response) => shownResponse(pass, response));
  const elements = await askPostSubmit(pass, hook, responses, given);
  responses.forEach((response, at) => {
    const { unit, outcome } = response;
    if ('failure' in elements) unit.outcome = failed(pass, unit, [elements.failure], outcome);
    else settleEdited(pass, hook, response, elements.all[at] ?? given[at]!);
  });
}

/** The answers as the application gave them when a cancel came before the hook's: they were sent, and count. */
async function askPostSubmit(
  pass: StepPass,
  hook: UserFunction,
  responses: readonly Response[],
  given: readonly JsonRecord[],
): Promise<{ readonly all: readonly (JsonValue | undefined)[] } | { readonly failure: Failure }> {
  try {
    const options = {
      preMapData: responses.map(({ unit }) => unit.input),
      postMapData: responses.map(({ unit }) => unit.mapped),
      responseData: given,
    };
    const answer = await callFunction(hook, options, pass.run, pass.effects.functions);
    if ('failure' in answer) return answer;
    const elements = elementsOf(answer.value, responses.length, hook.source);
    return 'code' in elements ? { failure: elements } : { all: elements };
  } catch (error) {
    if (!pass.effects.isCanceled()) throw error;
    return { all: given };
  }
}

/** `dataURI` is of failed records only (runtime §16.1). */
function shownResponse({ details, run }: StepPass, { unit, outcome, failures, answer }: Response): JsonRecord {
  if (failures.length === 0) return importEnvelope({ ...outcome, failures }, answer);
  const statusCode = outcome.statusCode < 300 ? 422 : outcome.statusCode;
  const dataURI = outcome.dataURI ?? details.dataURI?.(unit.input, run);
  return importEnvelope({ ...outcome, failures, statusCode, ...(dataURI === undefined ? {} : { dataURI }) }, answer);
}

function settleEdited(pass: StepPass, hook: UserFunction, response: Response, edited: JsonValue): void {
  const { unit, outcome } = response;
  const envelope: JsonRecord = isRecord(edited) ? edited : {};
  const statusCode = typeof envelope.statusCode === 'number' ? envelope.statusCode : 200;
  const failures = failuresOf({ statusCode, failures: failuresFrom(envelope.errors, hook.source, response.failures) });
  if (failures.length > 0) {
    unit.outcome = failed(pass, unit, failures, { statusCode, dataURI: outcome.dataURI });
    return;
  }
  warn(pass, unit, outcome.warnings ?? []);
  unit.outcome = accepted(pass, unit, envelope.ignored === true ? 'ignored' : 'success', envelope);
}
