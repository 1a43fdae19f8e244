import { work } from '../work.js';
import { isMissing, keysOf, number, text } from './arguments.js';
import type { ValueHelper } from './types.js';

function typeOf(value: unknown): string {
  return Array.isArray(value) ? 'array' : typeof value;
}

export function hasNoItems(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && value !== null && keysOf(value).length === 0;
}

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];

function bytes(value: unknown, precision: unknown): string {
  let size = number(value);
  if (Number.isNaN(size)) size = text(value).length;
  let unit = 0;
  while (Math.abs(size) >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  const digits = isMissing(precision) ? 2 : number(precision);
  return `${Number(size.toFixed(digits))} ${units[unit]}`;
}

function ordinalize(value: unknown): string {
  const count = number(value);
  if (!Number.isInteger(count) || count < 0) return '';
  const lastTwo = count % 100;
  if (lastTwo >= 11 && lastTwo <= 13) return `${count}th`;
  return `${count}${['th', 'st', 'nd', 'rd'][count % 10] ?? 'th'}`;
}

/** Longer numbers are no amounts that people read. */
const maxDigits = 400;

function addCommas(value: unknown): string {
  const amount = text(value).trim();
  const parts = /^([+-]?)(\d+)(\.\d+)?$/.exec(amount.length > maxDigits ? '' : amount);
  if (parts === null) return Number.isFinite(number(value)) ? amount : '';
  const [, sign = '', whole = '', fraction = ''] = parts;
  return sign + whole.replace(/\B(?=(?:\d{3})+$)/g, ',') + fraction;
}

/** Longer texts are charged for being compared; shorter ones are part of a statement's cost. */
const freeLength = 1_000;

/** What comparisons see of a value: objects compare as the text they print, other than JavaScript without their own `toString`. */
export function comparable(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) return text(value);
  if (typeof value === 'string' && value.length > freeLength) work.spend(value.length);
  return value;
}

/** JavaScript's `==`, which the language promises (handlebars §4.8, §5). */
export function looselyEqual(a: unknown, b: unknown): boolean {
  if (typeof a === 'string' && typeof b === 'string') return comparable(a) === b;
  if (typeof a === 'object' && typeof b === 'object') return a === b;
  // eslint-disable-next-line eqeqeq
  return comparable(a) == comparable(b);
}

/** Reference: handlebars §4.8. `eq` compares loosely, as its page says. */
export const logicHelpers: Readonly<Record<string, ValueHelper>> = {
  eq: looselyEqual,
  hasNoItems,
  hasOwn: (value, key) => typeof value === 'object' && value !== null && Object.hasOwn(value, text(key)),
  isTruthy: Boolean,
  isFalsey: (value) => !value,
  typeOf,
  addCommas,
  bytes,
  ordinalize,
};
