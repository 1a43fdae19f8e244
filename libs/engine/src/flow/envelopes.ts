import type { Failure } from '#failures';
import type { JsonRecord, JsonValue } from '#model';
import type { ImportOutcome, LookupOutcome } from '../program.js';

/** Answers as response mappings read them. Reference: runtime §9.2, §9.3. */

const errorsOf = (failures: readonly Failure[]) =>
  failures.map(({ code, message, source }) => ({ code, message, source }));

export function lookupEnvelope(outcome: LookupOutcome, data: readonly JsonValue[]): JsonRecord {
  return { statusCode: outcome.statusCode, data, errors: errorsOf(outcome.failures ?? []) };
}

export function importEnvelope(outcome: ImportOutcome, answer: JsonValue | undefined): JsonRecord {
  const { statusCode, id, ignored, dataURI, _headers } = outcome;
  return {
    statusCode,
    ...(id === undefined ? {} : { id }),
    ignored: ignored ?? false,
    errors: errorsOf(outcome.failures ?? []),
    ...(answer === undefined ? {} : { _json: answer }),
    ...(_headers === undefined ? {} : { _headers }),
    ...(dataURI === undefined ? {} : { dataURI }),
  };
}

/** Of a record that failed and proceeds: errors and no data. Reference: runtime §18. */
export function failedEnvelope(failures: readonly Failure[], statusCode = 422): JsonRecord {
  return { statusCode, errors: errorsOf(failures) };
}

/** Shared, because most records have none. */
const none: readonly Failure[] = [];

/** A status outside of 2xx fails a record even when the destination did not say why. */
export function failuresOf(outcome: ImportOutcome | LookupOutcome): readonly Failure[] {
  if (outcome.failures !== undefined && outcome.failures.length > 0) return outcome.failures;
  if (outcome.statusCode >= 200 && outcome.statusCode < 300) return none;
  const code = String(outcome.statusCode);
  return [{ code, message: `The application answered with status ${code}.`, source: 'application' }];
}
