import type { JsonValue } from '#model';
import { compileQuery, own } from '../paths/index.js';

/**
 * Composite objects: the mapping's input with arrays replaced by the element that is being mapped, so that children reach
 * the element and everything around it from the root. Reference: runtime §13, pattern 3.
 */

/** Replaces what stands at a path; containers on the way are copied. */
export function replaceAt(root: unknown, path: readonly string[], value: unknown, from = 0): JsonValue {
  const name = path[from];
  if (name === undefined) return value as JsonValue;
  if (Array.isArray(root)) {
    const copy = [...(root as unknown[])];
    copy[Number(name)] = replaceAt(copy[Number(name)], path, value, from + 1);
    return copy as JsonValue;
  }
  return { ...(root as object), [name]: replaceAt(own(root, name), path, value, from + 1) };
}

/** One composite per match of any JSONPath: every array on the way to the match gives way to its element. */
export function compileComposites(path: string): (root: JsonValue) => JsonValue[] {
  const query = compileQuery(path);
  return (root) => (query?.match(root) ?? []).map((node) => descend(root, node.location, 0, node.value as JsonValue));
}

function descend(value: unknown, location: readonly (string | number)[], at: number, match: JsonValue): JsonValue {
  const key = location[at];
  if (key === undefined) return match;
  if (typeof key === 'number') return descend((value as readonly unknown[])[key], location, at + 1, match);
  const object = value as Record<string, unknown>;
  return { ...object, [key]: descend(object[key], location, at + 1, match) } as JsonValue;
}
