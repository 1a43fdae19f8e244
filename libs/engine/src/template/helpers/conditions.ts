import { chargeSearch, number, text } from './arguments.js';
import { comparable, hasNoItems, looselyEqual } from './logic.js';
import type { ConditionHelper } from './types.js';

/** What `if` and `unless` test: all that JavaScript takes for true but the empty array. Reference: handlebars §5. */
export function isTruthy(value: unknown): boolean {
  return Boolean(value) && !(Array.isArray(value) && value.length === 0);
}

/** What `with` opens a scope for: what `if` takes for true, and 0. */
export function isPresent(value: unknown): boolean {
  return value === 0 || isTruthy(value);
}

type Comparison = (a: unknown, b: unknown) => boolean;

/** JavaScript's own: two texts compare as text, `"50" > "100"`. */
const comparisons: Readonly<Record<string, Comparison>> = {
  '==': looselyEqual,
  '!=': (a, b) => !looselyEqual(a, b),
  '===': identical,
  '!==': (a, b) => !identical(a, b),
  '<': (a, b) => (comparable(a) as number) < (comparable(b) as number),
  '>': (a, b) => (comparable(a) as number) > (comparable(b) as number),
  '<=': (a, b) => (comparable(a) as number) <= (comparable(b) as number),
  '>=': (a, b) => (comparable(a) as number) >= (comparable(b) as number),
};

function identical(a: unknown, b: unknown): boolean {
  return typeof a === 'string' ? comparable(a) === b : a === b;
}

/** The comparison of an operator, null when there is none. */
export function comparison(operator: string): Comparison | null {
  return Object.hasOwn(comparisons, operator) ? comparisons[operator]! : null;
}

function compare(a: unknown, operator: unknown, b: unknown): boolean {
  const holds = comparison(text(operator));
  if (holds === null) throw new Error(`compare: the operator '${text(operator)}' is not known.`);
  return holds(a, b);
}

const tests: Readonly<Record<string, (value: unknown) => boolean>> = {
  isFalsy: (value) => !value,
  isFalsey: (value) => !value,
  isTruthy: Boolean,
  isArray: (value) => Array.isArray(value),
  isString: (value) => typeof value === 'string',
  isObject: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  isNumber: (value) => typeof value === 'number',
  isBoolean: (value) => typeof value === 'boolean',
};

function some(values: unknown, name: unknown): boolean {
  const test = Object.hasOwn(tests, text(name)) ? tests[text(name)] : undefined;
  if (test === undefined) throw new Error(`some: the test '${text(name)}' is not known.`);
  return Array.isArray(values) && values.some(test);
}

function contains(container: unknown, part: unknown): boolean {
  if (Array.isArray(container)) return container.includes(part);
  if (typeof container !== 'string') return false;
  chargeSearch(container, text(part));
  return container.includes(text(part));
}

/** Numbers and booleans are empty, as documented: they are no collections. */
function isEmpty(value: unknown): boolean {
  if (typeof value === 'string') return value === '';
  return typeof value === 'object' && value !== null ? hasNoItems(value) : true;
}

function startsWith(prefix: unknown, value: unknown): boolean | undefined {
  if (prefix === undefined || prefix === null || value === undefined || value === null) return undefined;
  return text(value).startsWith(text(prefix));
}

/** Blocks that choose between their parts. Reference: handlebars §5. */
export const conditionHelpers: Readonly<Record<string, ConditionHelper>> = {
  and: (...values) => values.length > 1 && values.every(Boolean),
  or: (...values) => values.some(Boolean),
  neither: (...values) => !values.some(Boolean),
  // `[]` is truthy here, other than for `unless`.
  not: (value) => !value,
  compare,
  contains,
  ifEven: (value) => number(value) % 2 === 0,
  inArray: (values, value) => Array.isArray(values) && values.includes(value),
  isEmpty,
  some,
  startsWith,
};
