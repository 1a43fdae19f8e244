import type { Failure } from '#failures';
import { isRecord, type JsonRecord, type JsonValue } from '#model';
import type { Functions } from '../functions.js';
import type { RunContext } from '../run-context.js';
import { failuresFrom } from './hook-errors.js';
import { callFunction, invalidReturn, type UserFunction } from './user-function.js';

/** A record that failed before its page was saved. */
export interface FailedEarly {
  readonly failure: Failure;
  readonly traceKey: string;
  /** As a retry would start from it. */
  readonly record: JsonValue;
}

export interface UnsavedPage {
  readonly data: readonly JsonValue[];
  readonly errors: readonly FailedEarly[];
  /** From 0 within the run of the export. */
  readonly pageIndex: number;
  /** Of file exports: the file that each record of `data` came from. */
  readonly files?: readonly { readonly fileMeta: JsonRecord }[];
  /** Stage of a retry of its errors. Reference: errors §7. */
  readonly stage: string;
}

/** What the hook made of a page. */
export interface SavedPage {
  readonly data: readonly JsonValue[];
  /** Failures that it left, by their place in `errors`; a failure it took out is forgiven. */
  readonly errors: readonly { readonly at: number; readonly failure: Failure }[];
  /** Failures that it found, with what a retry starts from. */
  readonly found: readonly { readonly failure: Failure; readonly retryData: JsonValue }[];
  /** No more pages are wanted; this one is still processed. */
  readonly abort: boolean;
}

/** Calls `preSavePage` with a page. A failure is the whole page's. Reference: runtime §16.1. */
export async function savePage(
  hook: UserFunction,
  page: UnsavedPage,
  run: RunContext,
  functions: Functions,
): Promise<SavedPage | { readonly failure: Failure }> {
  const answer = await callFunction(hook, optionsOf(page, run), run, functions);
  return 'failure' in answer ? answer : readSavedPage(hook, page, answer.value);
}

/** @returns the options of the hook for one page, without those of every function */
export function optionsOf({ data, errors, files, pageIndex, stage }: UnsavedPage, run: RunContext): JsonRecord {
  const shown = errors.map(({ failure: { code, message, source } }, at) => ({
    code,
    message,
    source,
    retryDataKey: String(at),
  }));
  const retryData = Object.fromEntries(
    errors.map(({ record, traceKey }, at) => [String(at), { data: record, stage, traceKey }]),
  );
  return {
    data,
    errors: shown,
    ...(files === undefined ? {} : { files }),
    retryData,
    pageIndex,
    lastExportDateTime: run.lastExportDateTime,
    currentExportDateTime: run.currentExportDateTime,
  };
}

export function readSavedPage(
  { source }: UserFunction,
  { errors }: UnsavedPage,
  value: JsonValue | undefined,
): SavedPage | { readonly failure: Failure } {
  if (!isRecord(value) || !Array.isArray(value.data)) {
    return { failure: invalidReturn(source, 'preSavePage must return an object whose data is an array of records.') };
  }
  const { left, added } = readErrors(value.errors, errors, source);
  return {
    data: value.data as readonly JsonValue[],
    errors: left,
    found: [...added, ...errorsFound(value.newErrorsAndRetryData, source)],
    abort: value.abort === true,
  };
}

/**
 * Errors that are not mentioned at all stay: only a hook that hands the list back may take some out of it (P1). An error
 * in it that was not given is logged without retry data (errors §15).
 */
function readErrors(
  returned: JsonValue | undefined,
  given: readonly FailedEarly[],
  source: UserFunction['source'],
): { readonly left: SavedPage['errors']; readonly added: SavedPage['found'] } {
  if (!Array.isArray(returned)) return { left: given.map(({ failure }, at) => ({ at, failure })), added: [] };
  const left: { at: number; failure: Failure }[] = [];
  const added: { failure: Failure; retryData: JsonValue }[] = [];
  for (const entry of returned as readonly JsonValue[]) {
    const key = isRecord(entry) ? entry.retryDataKey : undefined;
    const at = typeof key === 'string' && key !== '' ? Number(key) : Number.NaN;
    const known = given[at];
    for (const failure of failuresFrom([entry], source, known === undefined ? [] : [known.failure])) {
      if (known === undefined) added.push({ failure, retryData: null });
      else left.push({ at, failure });
    }
  }
  return { left, added };
}

function errorsFound(returned: JsonValue | undefined, source: UserFunction['source']): SavedPage['found'] {
  if (!Array.isArray(returned)) return [];
  return returned.flatMap((entry: JsonValue) => {
    if (!isRecord(entry)) return [];
    const retryData = entry.retryData ?? null;
    return failuresFrom(entry.errors, source).map((failure) => ({ failure, retryData }));
  });
}
