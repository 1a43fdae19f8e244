import type { LookupAnswer, LookupQuestion } from '#engine';
import { PlatformError, type Failure } from '#failures';
import { isDynamicLookup, type Import, type JsonValue, type Lookup } from '#model';
import { mapConcurrently } from './concurrent.js';
import type { StaticLookups } from './templates.js';

/** Lookup requests of one page under way in this worker; the connection's permits bound them further. */
const MAX_CONCURRENT = 64;

/** Lookups of an import, wherever they stand (decision 22). */
export interface ImportLookups {
  readonly static: StaticLookups;
  readonly dynamic: readonly Lookup[];
}

/** @throws PlatformError `not_supported` for lookup caches */
export function readLookups(step: Import): ImportLookups {
  const maps: Record<string, Readonly<Record<string, JsonValue | undefined>>> = {};
  const dynamic: Lookup[] = [];
  const seen = new Set<string>();
  for (const lookup of [...(step.lookups ?? []), ...(step.http?.lookups ?? []), ...(step.rdbms?.lookups ?? [])]) {
    if (seen.has(lookup.name)) continue;
    seen.add(lookup.name);
    if (lookup._lookupCacheId !== undefined)
      throw new PlatformError(
        'not_supported',
        `The lookup ${lookup.name} reads a lookup cache, which is not supported.`,
      );
    if (isDynamicLookup(lookup)) dynamic.push(lookup);
    if (lookup.map !== undefined)
      Object.defineProperty(maps, lookup.name, { value: lookup.map, enumerable: true, configurable: true });
  }
  return { static: maps, dynamic };
}

/**
 * Asks the questions of a page, equal requests once.
 *
 * @param keyOf names the request of a question; null: it cannot be rendered, and says so when it is asked
 */
export async function askOnce(
  questions: readonly LookupQuestion[],
  keyOf: (question: LookupQuestion) => string | null,
  ask: (question: LookupQuestion) => Promise<LookupAnswer>,
): Promise<readonly LookupAnswer[]> {
  const places = new Map<string, number>();
  const asked: LookupQuestion[] = [];
  const placeOf = questions.map((question) => {
    const key = keyOf(question);
    const known = key === null ? undefined : places.get(key);
    if (known !== undefined) return known;
    if (key !== null) places.set(key, asked.length);
    return asked.push(question) - 1;
  });
  const answers = await mapConcurrently(asked, MAX_CONCURRENT, ask);
  return placeOf.map((place) => answers[place]!);
}

/** What a lookup extracted, as matches: an array holds one per element, and nothing is none. */
export function asMatches(found: JsonValue | undefined): readonly JsonValue[] {
  const values = Array.isArray(found) ? (found as readonly JsonValue[]) : [found ?? null];
  return values.filter((value) => value !== null && value !== '');
}

/** A failure of a lookup's request is the lookup's, whatever part of it went wrong. Reference: errors §3. */
export function lookupFailure(name: string, failure: Failure): Failure {
  return { ...failure, message: `The lookup ${name} failed: ${failure.message}`, source: 'lookup' };
}

/** @throws Error for a name that the engine cannot have */
export function lookupNamed<T>(byName: ReadonlyMap<string, T>, name: string): T {
  const lookup = byName.get(name);
  if (lookup === undefined) throw new Error(`The import has no dynamic lookup ${name}.`);
  return lookup;
}
