import { randomBytes } from 'node:crypto';
import { work } from '../work.js';
import { list, number, text } from './arguments.js';
import type { ValueHelper } from './types.js';

const total = (values: readonly unknown[]) => values.reduce((sum: number, value) => sum + number(value), 0);

/** Reference: handlebars §4.1. Floating point is plain JavaScript. */
export const mathHelpers: Readonly<Record<string, ValueHelper>> = {
  abs: (value) => Math.abs(number(value)),
  add: (...values) => total(values),
  avg: (...values) => {
    const members = values.flatMap(list);
    return total(members) / members.length;
  },
  ceil: (value) => Math.ceil(number(value)),
  floor: (value) => Math.floor(number(value)),
  round: (value) => Math.round(number(value)),
  divide: (a, b) => number(a) / number(b),
  modulo: (a, b) => number(a) % number(b),
  multiply: (a, b) => number(a) * number(b),
  subtract: (a, b) => number(a) - number(b),
  sum: (...values) => total(values.flatMap(list)),
  toExponential: (value, digits) => number(value).toExponential(digits === undefined ? undefined : number(digits)),
  toFixed: (value, digits) => number(value).toFixed(digits === undefined ? 0 : number(digits)),
  toPrecision: (value, digits) => number(value).toPrecision(digits === undefined ? undefined : number(digits)),
  random: (kind, length) => randomText(text(kind), length === undefined ? 32 : number(length)),
};

const kinds: Readonly<Record<string, string>> = {
  crypto: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
  uuid: '0123456789abcdef',
  number: '0123456789',
};
const maxRandomLength = 10_000;
const unitsPerRandomText = 2_000;
const unitsPerRandomCharacter = 100;

function randomText(kind: string, length: number): string {
  if (!(length >= 0 && length <= maxRandomLength))
    throw new Error(`random: the length must be 0 to ${maxRandomLength}.`);
  const alphabet = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (alphabet === undefined) throw new Error(`random: the kind must be crypto, uuid or number, not '${kind}'.`);
  const count = Math.floor(length);
  work.spend(unitsPerRandomText + count * unitsPerRandomCharacter);
  // Bytes beyond a multiple of the alphabet's size are thrown away: all characters are equally likely.
  const usable = 256 - (256 % alphabet.length);
  let output = '';
  while (output.length < count) {
    for (const byte of randomBytes(count - output.length)) {
      if (byte < usable) output += alphabet[byte % alphabet.length];
    }
  }
  return output;
}
