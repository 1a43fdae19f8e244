import { checkText } from '../work.js';
import { chargeSearch, isMissing, list, number, text } from './arguments.js';
import type { ValueHelper } from './types.js';

const maxPadding = 999_999;

/** Splits at everything that is neither letter nor digit, and where a word begins inside a name; not before digits. */
function words(value: unknown): readonly string[] {
  return text(value)
    .replace(/([\p{Ll}\p{N}])(\p{Lu})/gu, '$1 $2')
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
    .map((word) => word.toLowerCase());
}

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
const separated = (separator: string) => (value: unknown) => words(value).join(separator);

function pad(value: unknown, length: unknown, filler: unknown, side: 'left' | 'right'): string {
  const input = text(value);
  const size = Math.min(Math.floor(number(length)), maxPadding);
  const unit = isMissing(filler) ? ' ' : text(filler);
  if (!(size > input.length)) return input;
  return side === 'left' ? input.padStart(size, unit) : input.padEnd(size, unit);
}

function replaceAll(value: string, part: string, replacement: string): string {
  if (part === '') return value;
  checkText(value.length + occurrences(value, part) * Math.max(0, replacement.length - part.length));
  return value.split(part).join(replacement);
}

function replaceFirst(value: string, part: string, replacement: string): string {
  chargeSearch(value, part);
  const at = part === '' ? -1 : value.indexOf(part);
  return at < 0 ? value : value.slice(0, at) + replacement + value.slice(at + part.length);
}

function occurrences(value: string, part: string): number {
  if (part === '') return 0;
  chargeSearch(value, part);
  let count = 0;
  for (let at = value.indexOf(part); at >= 0; at = value.indexOf(part, at + part.length)) count += 1;
  return count;
}

/** The element of a delimited text; the whole text is its only element where the delimiter is missing. */
function element(value: string, delimiter: string, index: number): string | undefined {
  chargeSearch(value, delimiter);
  let start = 0;
  for (let passed = 0; ; passed += 1) {
    const end = delimiter === '' ? -1 : value.indexOf(delimiter, start);
    if (passed === index) return end < 0 ? value.slice(start) : value.slice(start, end);
    if (end < 0) return undefined;
    start = end + delimiter.length;
  }
}

function join(delimiter: string, values: readonly unknown[]): string {
  const parts = values.flatMap(list).map(text);
  checkText(parts.reduce((length, part) => length + part.length + delimiter.length, 0));
  return parts.join(delimiter);
}

const wordCharacter = /[\p{L}\p{N}]/u;

/** Without what is neither letter nor digit at both ends. A pattern for the end would take quadratic time. */
function chop(value: string): string {
  const characters = Array.from(value);
  const start = characters.findIndex((character) => wordCharacter.test(character));
  const end = characters.findLastIndex((character) => wordCharacter.test(character));
  return start < 0 ? '' : characters.slice(start, end + 1).join('');
}

/** Without tags; a `<` that nothing closes is text. A pattern would look for the end of every `<` again. */
function sanitize(value: string): string {
  const lastClose = value.lastIndexOf('>');
  let output = '';
  let at = 0;
  for (;;) {
    const open = value.indexOf('<', at);
    if (open < 0 || open > lastClose) return output + value.slice(at);
    output += value.slice(at, open);
    at = value.indexOf('>', open) + 1;
  }
}

/** Reference: handlebars §4.2. */
export const stringHelpers: Readonly<Record<string, ValueHelper>> = {
  camelcase: (value) =>
    words(value)
      .map((word, index) => (index === 0 ? word : capital(word)))
      .join(''),
  pascalcase: (value) => words(value).map(capital).join(''),
  dashcase: separated('-'),
  snakecase: separated('_'),
  dotcase: separated('.'),
  pathcase: separated('/'),
  capitalize: (value) => capital(text(value)),
  capitalizeAll: (value) =>
    text(value).replace(/(^|\s)(\S)/g, (_, gap: string, letter: string) => gap + letter.toUpperCase()),
  sentence: (value) =>
    text(value)
      .toLowerCase()
      .replace(/(^\s*|[.?!]\s*)(\p{L})/gu, (_, before: string, letter: string) => before + letter.toUpperCase()),
  uppercase: (value) => text(value).toUpperCase(),
  lowercase: (value) => text(value).toLowerCase(),
  chop: (value) => chop(text(value)),
  trim: (value) => text(value).trim(),
  trimLeft: (value) => text(value).trimStart(),
  trimRight: (value) => text(value).trimEnd(),
  padLeft: (value, length, filler) => pad(value, length, filler, 'left'),
  padRight: (value, length, filler) => pad(value, length, filler, 'right'),
  replace: (value, part, replacement) => replaceAll(text(value), text(part), text(replacement)),
  replacefirst: (value, part, replacement) => replaceFirst(text(value), text(part), text(replacement)),
  removefirst: (value, part) => replaceFirst(text(value), text(part), ''),
  split: (value, delimiter, index) => element(text(value), text(delimiter), index === undefined ? 0 : number(index)),
  join: (delimiter, ...values) => join(text(delimiter), values),
  substring: (value, start, end) =>
    text(value).substring(number(start) || 0, end === undefined ? undefined : number(end)),
  occurrences: (value, part) => occurrences(text(value), text(part)),
  reverse: (value) =>
    Array.isArray(value) ? [...(value as unknown[])].reverse() : Array.from(text(value)).reverse().join(''),
  sanitize: (value) => sanitize(text(value)),
  truncateWords: (value, count, suffix) =>
    truncateWords(text(value), number(count), suffix === undefined ? '…' : text(suffix)),
};

function truncateWords(value: string, count: number, suffix: string): string {
  if (!(count >= 0)) return '';
  const all = value.trim().split(/\s+/);
  return count >= all.length ? value : all.slice(0, Math.floor(count)).join(' ') + suffix;
}
