import type { JsonValue } from '#model';

/** A copy without members that are null, empty texts, empty objects or empty arrays, inside out. Reference: runtime §9.3. */
export function withoutEmptyNodes(value: JsonValue): JsonValue {
  return strip(value) ?? (Array.isArray(value) ? [] : typeof value === 'object' ? {} : value);
}

function strip(value: JsonValue | undefined): JsonValue | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) {
    const kept = (value as readonly JsonValue[]).map(strip).filter((element) => element !== undefined);
    return kept.length === 0 ? undefined : kept;
  }
  const entries = Object.entries(value).flatMap(([key, inner]) => {
    const kept = strip(inner);
    return kept === undefined ? [] : [[key, kept] as const];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
