import { isDynamicLookup, type JsonRecord, type JsonValue, type Lookup } from '#model';
import type { StaticLookups } from '../template/index.js';
import { lookupNamesIn } from '../template/lookup-names.js';
import { engineCodes } from '../codes.js';
import { toText } from './casts.js';
import {
  MappingCompileError,
  MappingFailure,
  type LookupAnswer,
  type LookupAnswers,
  type LookupPlan,
  type MappingOptions,
} from './plan.js';

/** Lookups that mappings name. Reference: runtime §14. */

/** Maps of static lookups, for templates. */
export function staticLookupMaps(lookups: readonly Lookup[]): StaticLookups {
  const maps: Record<string, Record<string, JsonValue | undefined>> = {};
  for (const lookup of lookups) if (lookup.map !== undefined) maps[lookup.name] = lookup.map;
  return maps;
}

/** @throws MappingCompileError for a lookup that is missing, finds nothing, or is dynamic where no answers are given */
export function compileLookup(name: string, options: MappingOptions): LookupPlan {
  const lookup = options.lookups.find((candidate) => candidate.name === name);
  if (lookup === undefined) throw new MappingCompileError('invalid_value', `The lookup ${name} does not exist.`);
  const isDynamic = isDynamicLookup(lookup);
  if (lookup.map === undefined && !isDynamic)
    throw new MappingCompileError('invalid_value', `The lookup ${name} has neither a map nor a request.`);
  if (isDynamic && options.dynamicLookups !== true)
    throw new MappingCompileError('not_supported', `The lookup ${name} is dynamic, which is not supported here.`);
  const map = new Map<string, JsonValue>();
  for (const [key, value] of Object.entries(lookup.map ?? {})) if (value !== undefined) map.set(key, value);
  return {
    name,
    map,
    isDynamic,
    allowFailures: lookup.allowFailures ?? false,
    useDefaultOnMultipleMatches: lookup.useDefaultOnMultipleMatches ?? false,
    fallback: lookup.default ?? null,
  };
}

/**
 * The dynamic lookups that templates read as `lookup.<name>`. A name that none has reads as nothing, like any other missing
 * value.
 *
 * @throws MappingCompileError where no answers are given
 */
export function lookupsReadBy(
  texts: readonly (string | null | undefined)[],
  options: MappingOptions,
): readonly LookupPlan[] {
  const dynamic = new Set(options.lookups.filter(isDynamicLookup).map(({ name }) => name));
  if (dynamic.size === 0) return [];
  const read = texts.map((text) => lookupNamesIn(text ?? ''));
  const isRead = (name: string) => read.some((names) => names === 'all' || names.has(name));
  return [...dynamic].filter(isRead).map((name) => compileLookup(name, options));
}

/**
 * Their values for one record, by name.
 *
 * @throws MappingFailure
 */
export function lookupValues(lookups: readonly LookupPlan[], answers: LookupAnswers | undefined): JsonRecord {
  return Object.fromEntries(
    lookups.map((lookup) => [lookup.name, lookUp(undefined, lookup, `lookup.${lookup.name}`, answers)]),
  );
}

/**
 * The static map first, then the answer of the request. A miss, and a failed request, give the default or null where the
 * lookup allows failures; several matches give the default where it says so.
 *
 * @param value what the field extracts; undefined for a dynamic lookup of a field that extracts nothing
 * @throws MappingFailure
 */
export function lookUp(
  value: JsonValue | undefined,
  lookup: LookupPlan,
  label: string,
  answers: LookupAnswers | undefined,
): JsonValue {
  const known = value === undefined ? undefined : lookup.map.get(toText(value));
  if (known !== undefined) return known;
  const answer = ask(value, lookup, answers);
  if ('failure' in answer) {
    if (lookup.allowFailures) return lookup.fallback;
    throw new MappingFailure(answer.failure);
  }
  const [match] = answer.matches;
  if (match !== undefined && answer.matches.length === 1) return match;
  const isSeveral = match !== undefined;
  if (lookup.allowFailures || (isSeveral && lookup.useDefaultOnMultipleMatches)) return lookup.fallback;
  const shown = value === undefined ? 'the record' : `'${toText(value).slice(0, 200)}'`;
  throw new MappingFailure({
    code: engineCodes.lookup_failed.code,
    message: isSeveral
      ? `The lookup ${lookup.name} has ${answer.matches.length} values for ${shown} (field ${label}).`
      : `The lookup ${lookup.name} has no value for ${shown} (field ${label}).`,
    source: 'lookup',
  });
}

/**
 * Whether a lookup finds anything, for `lookup_not_empty` and `lookup_empty`. Finding nothing is no failure there.
 *
 * @throws MappingFailure for a request that failed, unless the lookup allows failures
 */
export function isFound(value: JsonValue | undefined, lookup: LookupPlan, answers: LookupAnswers | undefined): boolean {
  const isEmpty = value === undefined || value === null || value === '';
  if (!isEmpty && lookup.map.has(toText(value))) return true;
  const answer = ask(value, lookup, answers);
  if ('matches' in answer) return answer.matches.length > 0;
  if (lookup.allowFailures) return false;
  throw new MappingFailure(answer.failure);
}

const none: LookupAnswer = { matches: [] };

function ask(value: JsonValue | undefined, lookup: LookupPlan, answers: LookupAnswers | undefined): LookupAnswer {
  if (!lookup.isDynamic) return none;
  return (
    answers?.(lookup.name, value) ?? {
      failure: {
        code: engineCodes.lookup_failed.code,
        message: `The lookup ${lookup.name} was not asked for this record.`,
        source: 'lookup',
      },
    }
  );
}
