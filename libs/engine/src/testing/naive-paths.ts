import type { JsonRecord, JsonValue } from '#model';

/**
 * Paths and composite objects, read the slow and obvious way from their reference (runtime §11-§13). Shared by the naive
 * interpreters and by nothing else; nothing here is shared with the compilers.
 */

/** The input of a mapping, in which arrays may have given way to one of their elements. */
export interface Composite {
  readonly root: JsonValue;
  /** Where, as names joined by "/": a `[*]` behind such a place means the element that stands there. */
  readonly replaced: readonly string[];
}

export const isObject = (value: unknown): value is JsonRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What counts as no value. */
export const isBlank = (value: unknown): value is undefined | null | '' =>
  value === undefined || value === null || value === '';

/** `$.a[*].b`, `a.[b c][0]`, `a['x.y']` → names, `*` for every element. */
export function naiveNames(path: string): string[] {
  const found = path.replace(/^\$/, '').matchAll(/\['([^']*)'\]|\["([^"]*)"\]|\[([^\]]*)\]|([^.[\]]+)/g);
  return Array.from(found, ([, single, double, bare, name]) => single ?? double ?? bare ?? name ?? '');
}

/** The value at a path, or all of them in one array where the path has a star. */
export function naiveRead(names: readonly string[], { root, replaced }: Composite): JsonValue | undefined {
  let values: (JsonValue | undefined)[] = [root];
  let isList = false;
  const place: string[] = [];
  for (const name of names) {
    if (name === '*') {
      if (!isList && replaced.includes(place.join('/'))) continue;
      isList = true;
      values = values.flatMap((value) => (Array.isArray(value) ? (value as JsonValue[]) : []));
    } else {
      place.push(name);
      values = values.map((value) => member(value, name));
    }
  }
  return isList ? values.filter((value) => value !== undefined) : values[0];
}

function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as JsonRecord)[name];
}

/**
 * One composite per element that a path leads to: every array on the path gives way to the element in hand, what is no
 * array being one element. Nothing there: no composite.
 */
export function naiveComposites(names: readonly string[], composite: Composite): Composite[] {
  const walk = (value: JsonValue | undefined, rest: readonly string[], place: readonly string[]): Composite[] => {
    const [name, ...further] = rest;
    const here = place.join('/');
    if (name === undefined || name === '*') {
      if (name === '*' && composite.replaced.includes(here)) return walk(value, further, place);
      if (isBlank(value)) return [];
      const elements = Array.isArray(value) ? (value as JsonValue[]) : [value];
      return elements.flatMap((element) =>
        (name === undefined || further.length === 0
          ? [{ root: element, replaced: [] as string[] }]
          : walk(element, further, place)
        ).map((inner) => ({ root: inner.root, replaced: [...inner.replaced, here] })),
      );
    }
    return walk(member(value, name), further, [...place, name]).map((inner) => ({
      root: Array.isArray(value)
        ? value.map((element: JsonValue, index) => (String(index) === name ? inner.root : element))
        : { ...(value as JsonRecord), [name]: inner.root },
      replaced: inner.replaced,
    }));
  };
  return walk(composite.root, names, []).map((inner) => ({
    root: inner.root,
    replaced: [...composite.replaced, ...inner.replaced],
  }));
}

/** Sets a dotted target; what cannot hold the next name is replaced, and nothing that was there before is changed. */
export function naiveSet(names: readonly string[], held: JsonValue | undefined, value: JsonValue): JsonValue {
  const [name, ...rest] = names;
  if (name === undefined) return value;
  const isIndex = /^\d+$/.test(name);
  if (isIndex && (Array.isArray(held) || !isObject(held))) {
    const list: JsonValue[] = Array.isArray(held) ? [...(held as JsonValue[])] : [];
    while (list.length < Number(name)) list.push(null);
    list[Number(name)] = naiveSet(rest, list[Number(name)], value);
    return list;
  }
  const object = isObject(held) ? held : {};
  return { ...object, [name]: naiveSet(rest, Object.hasOwn(object, name) ? object[name] : undefined, value) };
}
