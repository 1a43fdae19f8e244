import { printRaw } from '../format.js';
import { work } from '../work.js';

/** How helpers read their arguments. Reference: handlebars §4 ("text input rule"). */

/** Numbers and booleans become text, arrays of primitives comma-joined text; missing is empty. */
export const text: (value: unknown) => string = printRaw;

/** A number or a numeric text; NaN for everything else, missing included. */
export function number(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
}

export function isMissing(value: unknown): value is null | undefined | '' {
  return value === undefined || value === null || value === '';
}

export function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value as readonly unknown[];
  return value === undefined || value === null ? [] : [value];
}

/** Up to this length V8 finds a part in linear time; beyond it in up to the product of both. */
const linearPartLength = 250;
const unitsPerComparison = 0.4;

/** Charges for looking for a part of a text. */
export function chargeSearch(value: string, part: string): void {
  if (part.length > linearPartLength) work.spend(value.length * part.length * unitsPerComparison);
}

const unitsPerKey = 250;

/** Names of an object's members, charged for; none for what is no object. */
export function keysOf(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  const keys = Object.keys(value);
  work.spend(keys.length * unitsPerKey);
  return keys;
}
