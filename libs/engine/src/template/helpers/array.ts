import { compilePath, own, type Getter } from '../../paths/index.js';
import { isMissing, list, number, text } from './arguments.js';
import type { HashHelper, StateHelper, ValueHelper } from './types.js';

const isArray = (value: unknown): value is readonly unknown[] => Array.isArray(value);

/** A path given as text; compiled paths are few and repeat for every record, so the last ones are kept. */
const compiled = new Map<string, Getter | null>();
function pathGetter(path: string): Getter {
  let getter = compiled.get(path);
  if (getter === undefined) {
    getter = compilePath(path);
    if (compiled.size >= 500) compiled.clear();
    compiled.set(path, getter);
  }
  return getter ?? (() => undefined);
}

/** Reference: handlebars §4.3. */
export const arrayHelpers: Readonly<Record<string, ValueHelper>> = {
  after: (values, count) => (isArray(values) ? values.slice(number(count)) : ''),
  before: (values, count) => (isArray(values) ? values.slice(0, Math.max(0, values.length - number(count))) : ''),
  arrayify: list,
  first: (values) => (isArray(values) ? values[0] : values),
  last: (values) => (isArray(values) ? values.at(-1) : values),
  pluck: (values, path) => {
    const get = pathGetter(text(path));
    return list(values).map((value) => get(value) ?? null);
  },
  unique: (values) => (isArray(values) ? [...new Set(values)] : values),
};

export const arrayHashHelpers: Readonly<Record<string, HashHelper>> = {
  sort: (hash, values) => {
    if (!isArray(values)) return '';
    const sorted = [...values].sort(isOn(hash.number) ? (a, b) => number(a) - number(b) : byText);
    return isOn(hash.reverse) ? sorted.reverse() : sorted;
  },
};

function byText(a: unknown, b: unknown): number {
  const left = text(a);
  const right = text(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

function isOn(option: unknown): boolean {
  return option === true || option === 'true';
}

export const stateHelpers: Readonly<Record<string, StateHelper>> = {
  /** From the root, whatever the scope. Missing or null gives the default. */
  getValue: (state, path, fallback) => pathGetter(text(path))(state.root) ?? fallback,
  /** The static value map of the step; with an object first, stock Handlebars' `lookup`. Reference: handlebars §9. */
  lookup: (state, name, key) => {
    if (typeof name === 'object' && name !== null) return own(name, text(key));
    return isMissing(key) ? undefined : own(own(state.staticLookups, text(name)), text(key));
  },
};
