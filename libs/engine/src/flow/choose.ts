import type { Failure } from '#failures';
import type { JsonRecord, JsonValue } from '#model';
import { isFound, lookupValues } from '../mapping/lookups.js';
import { MappingFailure, type LookupAnswers } from '../mapping/plan.js';
import type { Operation } from '../program.js';
import type { Existence, ImportChoices } from './import-lookups.js';

/** What an import does with a record. */
export type Choice = { readonly skip: true } | { readonly operation?: Operation };

/**
 * Decides about one record from the answers of its lookups. Reference: runtime §9.3.
 *
 * @throws MappingFailure
 */
export function choose({ skip, existence }: ImportChoices, input: JsonValue, answers: LookupAnswers): Choice {
  if (skip !== undefined && exists(skip.existence, input, answers) === (skip.when === 'existing'))
    return { skip: true };
  if (existence === undefined) return {};
  return { operation: exists(existence, input, answers) ? 'update' : 'create' };
}

/**
 * Values of the dynamic lookups that the templates of a record's request read; undefined when they read none.
 *
 * @throws MappingFailure
 */
export function lookupsRead(
  { read }: ImportChoices,
  operation: Operation | undefined,
  answers: LookupAnswers,
): JsonRecord | undefined {
  const plans = read[operation ?? 'create'];
  if (plans.length === 0) return undefined;
  return lookupValues(plans, answers);
}

/** The failure of a record; anything else is a bug and thrown on. */
export function lookupFailureOf(error: unknown): Failure {
  if (error instanceof MappingFailure) return { source: 'lookup', ...error.failure };
  throw error;
}

/** Nothing found is an answer here, and so are several: the record exists. A default stands for something found. */
function exists(existence: Existence, input: JsonValue, answers: LookupAnswers): boolean {
  if ('extract' in existence) {
    const value = existence.extract(input);
    return value !== undefined && value !== null && value !== '';
  }
  const { lookup } = existence;
  return isFound(undefined, lookup, answers) || (lookup.allowFailures && lookup.fallback !== null);
}
