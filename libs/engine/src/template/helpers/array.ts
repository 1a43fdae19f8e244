import { own } from '../../paths/index.js';
import { isMissing, list, number, text } from './arguments.js';
import { readDynamicPath } from './dynamic-path.js';
import type { HashHelper, ScopeHelper, ValueHelper } from './types.js';

const isArray = (value: unknown): value is readonly unknown[] => Array.isArray(value);

/** A number of elements; what is no number counts as none. */
function count(value: unknown): number {
  return Math.max(0, Math.floor(number(value)) || 0);
}

/** Reference: handlebars §4.3. What is no array has no elements to drop, and prints nothing. */
export const arrayHelpers: Readonly<Record<string, ValueHelper>> = {
  after: (values, dropped) => (isArray(values) ? values.slice(count(dropped)) : ''),
  before: (values, dropped) => (isArray(values) ? values.slice(0, Math.max(0, values.length - count(dropped))) : ''),
  arrayify: list,
  first: (values) => (isArray(values) ? values[0] : values),
  last: (values) => (isArray(values) ? values.at(-1) : values),
  pluck: (values, path) => list(values).map((value) => readDynamicPath(value, path) ?? null),
  unique: (values) => (isArray(values) ? [...new Set(values)] : values),
  /** Elements equal to a value, as the block of this name renders them; undefined when it is given no array (§5). */
  filter: (values, wanted, path) =>
    isArray(values)
      ? values.filter((value) => (path === undefined ? value : readDynamicPath(value, path)) === wanted)
      : undefined,
};

export const arrayHashHelpers: Readonly<Record<string, HashHelper>> = {
  sort: (hash, values) => {
    if (!isArray(values)) return '';
    const sorted = isOn(hash.number) ? sortBy(values, number, byNumber) : sortBy(values, text, byText);
    return isOn(hash.reverse) ? sorted.reverse() : sorted;
  },
};

/** Keys are read once per element, not once per comparison. */
function sortBy<K>(
  values: readonly unknown[],
  keyOf: (value: unknown) => K,
  compare: (a: K, b: K) => number,
): unknown[] {
  return values
    .map((value) => ({ value, key: keyOf(value) }))
    .sort((a, b) => compare(a.key, b.key))
    .map(({ value }) => value);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What is no number comes last. */
function byNumber(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a - b;
}

function isOn(option: unknown): boolean {
  return option === true || option === 'true';
}

export const arrayScopeHelpers: Readonly<Record<string, ScopeHelper>> = {
  /** From the root, whatever the scope. Missing or null gives the default. */
  getValue: ({ root }, path, fallback) => readDynamicPath(root, path) ?? fallback,
  /** The static value map of the step; with an object first, stock Handlebars' `lookup`. Reference: handlebars §9. */
  lookup: ({ staticLookups }, name, key) => {
    if (typeof name === 'object' && name !== null) return own(name, text(key));
    return isMissing(key) ? undefined : own(own(staticLookups, text(name)), text(key));
  },
};
