import { isMissing, number, text } from './arguments.js';
import type { ValueHelper } from './types.js';

function typeOf(value: unknown): string {
  return Array.isArray(value) ? 'array' : typeof value;
}

export function hasNoItems(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
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

function ordinal(value: unknown): string {
  const count = number(value);
  if (!Number.isInteger(count) || count < 0) return '';
  const lastTwo = count % 100;
  if (lastTwo >= 11 && lastTwo <= 13) return `${count}th`;
  return `${count}${['th', 'st', 'nd', 'rd'][count % 10] ?? 'th'}`;
}

function addCommas(value: unknown): string {
  const amount = number(value);
  if (Number.isNaN(amount)) return '';
  const [whole = '', fraction] = text(value).trim().split('.');
  const grouped = whole.replace(/\B(?=(?:\d{3})+$)/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** Reference: handlebars §4.8. `eq` compares loosely, as its page says. */
export const logicHelpers: Readonly<Record<string, ValueHelper>> = {
  eq: (a, b) => looselyEqual(a, b),
  hasNoItems,
  hasOwn: (value, key) => typeof value === 'object' && value !== null && Object.hasOwn(value, text(key)),
  isTruthy: (value) => Boolean(value),
  isFalsey: (value) => !value,
  typeOf,
  addCommas,
  bytes,
  ordinalize: ordinal,
};

/** JavaScript's `==`, which the language promises (handlebars §4.8, §5). */
export function looselyEqual(a: unknown, b: unknown): boolean {
  // eslint-disable-next-line eqeqeq
  return a == b;
}
