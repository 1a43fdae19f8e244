import { isHostileKey, isRecord } from './json.js';

/** A dotted path into a document; `*` stands for every element of an array. */
export type PathPattern = string;

export interface Found {
  /** e.g. `pageProcessors[0]._importId` */
  readonly field: string;
  readonly value: unknown;
}

/** Every value a pattern reaches; absent ones are left out. */
export function valuesAt(document: unknown, pattern: PathPattern): Found[] {
  let found: Found[] = [{ field: '', value: document }];
  for (const segment of pattern.split('.')) {
    const next: Found[] = [];
    for (const { field, value } of found) {
      if (segment === '*') {
        if (Array.isArray(value))
          value.forEach((element: unknown, i) => next.push({ field: `${field}[${i}]`, value: element }));
      } else if (isRecord(value) && Object.hasOwn(value, segment)) {
        next.push({ field: field === '' ? segment : `${field}.${segment}`, value: value[segment] });
      }
    }
    found = next;
  }
  return found.filter(({ value }) => value !== undefined && value !== null);
}

/** The one value at a path without `*`. */
export function valueAt(document: unknown, path: PathPattern): unknown {
  return valuesAt(document, path)[0]?.value;
}

/**
 * A copy of the document in which the value at each path is replaced. Untouched parts are shared, nothing is mutated.
 *
 * @param replace undefined removes the member
 */
export function mapAt<T>(
  document: T,
  paths: readonly PathPattern[],
  replace: (value: unknown, path: string) => unknown,
): T {
  let copy: unknown = document;
  for (const path of paths) copy = mapSegments(copy, path.split('.'), '', replace);
  return copy as T;
}

function mapSegments(
  node: unknown,
  segments: readonly string[],
  path: string,
  replace: (value: unknown, path: string) => unknown,
): unknown {
  const [head, ...tail] = segments;
  if (head === undefined) return node === undefined || node === null ? node : replace(node, path);
  if (head === '*') {
    if (!Array.isArray(node)) return node;
    return node.map((element: unknown, i) => mapSegments(element, tail, `${path}[${i}]`, replace));
  }
  if (!isRecord(node) || isHostileKey(head) || !Object.hasOwn(node, head)) return node;
  const before = node[head];
  const after = mapSegments(before, tail, path === '' ? head : `${path}.${head}`, replace);
  if (after === before) return node;
  const copy = { ...node };
  if (after === undefined) delete copy[head];
  else copy[head] = after;
  return copy;
}
