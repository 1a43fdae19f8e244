import { type Failure, failureSources, type FailureSource } from '#failures';
import { isRecord, type JsonRecord, type JsonValue } from '#model';
import { engineCodes } from '../codes.js';

const sources: ReadonlySet<string> = new Set(failureSources);

/**
 * Failures from `errors[]` of a function's return value: code and message are the user's to choose (errors §3). An error
 * that the function was given and hands back keeps what it does not show, such as its exchange.
 *
 * @param given the failures that the function was given, by position
 */
export function failuresFrom(
  errors: JsonValue | undefined,
  source: FailureSource,
  given: readonly Failure[] = [],
): readonly Failure[] {
  if (!Array.isArray(errors)) return [];
  return errors.map((entry: JsonValue, at): Failure => {
    const error: JsonRecord = isRecord(entry) ? entry : { message: entry };
    const code = textOf(error.code) ?? engineCodes.hook_error.code;
    const message = textOf(error.message) ?? `The function reported an error without a message (${code}).`;
    const before = given.find((failure) => failure.code === code && failure.message === message) ?? given[at];
    if (before?.code === code && before.message === message) return before;
    const named = error.source;
    return {
      ...(before?.exchange === undefined ? {} : { exchange: before.exchange }),
      code,
      message,
      source: typeof named === 'string' && sources.has(named) ? (named as FailureSource) : source,
    };
  });
}

function textOf(value: JsonValue | undefined): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  return value === undefined || value === null ? undefined : JSON.stringify(value);
}
