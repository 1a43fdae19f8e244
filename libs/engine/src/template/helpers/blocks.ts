import { compilePath } from '../../paths/index.js';
import { number, text } from './arguments.js';
import { hasNoItems, looselyEqual } from './logic.js';
import type { BlockCall, BlockHelper } from './types.js';

/** Renders the part that the condition asks for; a sub-expression gets the condition itself. */
function choose(call: BlockCall, condition: boolean): unknown {
  if (call.main === undefined) return condition;
  return condition ? call.main(call.context) : (call.otherwise?.(call.context) ?? '');
}

const when =
  (condition: (...args: readonly unknown[]) => boolean): BlockHelper =>
  (call, ...args) =>
    choose(call, condition(...args));

function compare(a: unknown, operator: unknown, b: unknown): boolean {
  const left = a as number;
  const right = b as number;
  switch (text(operator)) {
    case '==':
      return looselyEqual(a, b);
    case '===':
      return a === b;
    case '!=':
      return !looselyEqual(a, b);
    case '!==':
      return a !== b;
    case '<':
      return left < right;
    case '>':
      return left > right;
    case '<=':
      return left <= right;
    case '>=':
      return left >= right;
    default:
      throw new Error(`compare: the operator '${text(operator)}' is not known.`);
  }
}

const tests: Readonly<Record<string, (value: unknown) => boolean>> = {
  isFalsy: (value) => !value,
  isFalsey: (value) => !value,
  isTruthy: (value) => Boolean(value),
  isArray: (value) => Array.isArray(value),
  isString: (value) => typeof value === 'string',
  isObject: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  isNumber: (value) => typeof value === 'number',
  isBoolean: (value) => typeof value === 'boolean',
};

function contains(container: unknown, part: unknown): boolean {
  if (Array.isArray(container)) return container.includes(part);
  return typeof container === 'string' && container.includes(text(part));
}

function isEmpty(value: unknown): boolean {
  if (typeof value === 'string') return value === '';
  return typeof value === 'object' && value !== null ? hasNoItems(value) : true;
}

/** Renders once per match; nothing at all when the value is no array. Reference: handlebars §5. */
const filter: BlockHelper = (call, values, wanted, path) => {
  if (!Array.isArray(values)) return '';
  const get = path === undefined ? (value: unknown) => value : compilePath(text(path));
  if (get === null) throw new Error(`filter: the path '${text(path)}' is malformed.`);
  const matches = values.filter((value) => get(value) === wanted);
  if (call.main === undefined) return matches;
  if (matches.length === 0) return call.otherwise?.(call.context) ?? '';
  let output = '';
  for (const [index, match] of matches.entries()) {
    output += call.main(match, { index, key: index, first: index === 0, last: index === matches.length - 1 });
  }
  return output;
};

const startsWith: BlockHelper = (call, prefix, value) => {
  if (prefix === undefined || prefix === null || value === undefined || value === null) return '';
  return choose(call, text(value).startsWith(text(prefix)));
};

/** Reference: handlebars §5. */
export const blockHelpers: Readonly<Record<string, BlockHelper>> = {
  and: when((a, b) => Boolean(a) && Boolean(b)),
  or: when((a, b) => Boolean(a) || Boolean(b)),
  neither: when((a, b) => !a && !b),
  // `[]` is truthy here, other than for `unless`.
  not: when((value) => !value),
  compare: when(compare),
  contains: when(contains),
  filter,
  ifEven: when((value) => number(value) % 2 === 0),
  inArray: when((values, value) => Array.isArray(values) && values.includes(value)),
  isEmpty: when(isEmpty),
  some: when((values, name) => {
    const test = Object.hasOwn(tests, text(name)) ? tests[text(name)] : undefined;
    if (test === undefined) throw new Error(`some: the test '${text(name)}' is not known.`);
    return Array.isArray(values) && values.some(test);
  }),
  startsWith,
};
