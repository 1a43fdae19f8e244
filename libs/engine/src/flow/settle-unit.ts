import type { Failure } from '#failures';
import type { JsonRecord, JsonValue } from '#model';
import { failedEnvelope } from './envelopes.js';
import { stageOf, type Settled, type StepPass, type Unit } from './units.js';
import { keepsResponses } from './watch-units.js';

/** A record with an answer, which is mapped onto it. */
export function accepted(pass: StepPass, { origin }: Unit, kind: 'success' | 'ignored', response: JsonRecord): Settled {
  return { kind, record: mapResponse(pass, origin, response), ...kept(pass, response) };
}

/** A failed record, with the errors mapped onto it in case that it proceeds. */
export function failed(
  pass: StepPass,
  { origin }: Pick<Unit, 'origin'>,
  failures: readonly Failure[],
  answer: { readonly statusCode?: number; readonly dataURI?: string | undefined } = {},
): Settled {
  const response = failedEnvelope(failures, answer.statusCode);
  return {
    kind: 'failed',
    failures,
    record: pass.instruction.step.proceedOnFailure ? mapResponse(pass, origin, response) : origin,
    ...(answer.dataURI === undefined ? {} : { dataURI: answer.dataURI }),
    ...kept(pass, response),
  };
}

/**
 * A record that the step passes over, by its filter or because a hook said so: it goes on, counted as ignored. Its
 * response says so for an import; a lookup that was not made has none to map. Reference: runtime §9.2, §9.3.
 */
export function passedOver(pass: StepPass, { origin }: Pick<Unit, 'origin'>): Settled {
  if (pass.instruction.op === 'lookup') {
    return { kind: 'ignored', record: origin, ...kept(pass, { ...skipped, data: [] }) };
  }
  return { kind: 'ignored', record: mapResponse(pass, origin, skipped), ...kept(pass, skipped) };
}

/** Logs what does not keep a record from going on (decision 24). */
export function warn({ instruction, ledger }: StepPass, { entry }: Unit, failures: readonly Failure[]): void {
  for (const failure of failures) {
    ledger.fail(instruction.stepId, stageOf(instruction), entry, { failure, isWarning: true });
  }
}

const skipped: JsonRecord = { statusCode: 200, ignored: true, errors: [] };

/** A record with a response merged into it. */
export function mapResponse({ instruction }: StepPass, record: JsonValue, response: JsonRecord): JsonValue {
  const { mapResponse: map } = instruction.step;
  // Compiled response mappings never fail: what resolves to nothing merges nothing (runtime §15).
  return map === undefined ? record : (map(record, response) as JsonValue);
}

/** The response is kept only for who sees it. */
function kept(pass: StepPass, response: JsonRecord): { readonly response?: JsonRecord } {
  return keepsResponses(pass) ? { response } : {};
}
