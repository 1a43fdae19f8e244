import { isMissing, list, number, text } from './arguments.js';
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

function replaceFirst(value: string, part: string, replacement: string): string {
  const at = part === '' ? -1 : value.indexOf(part);
  return at < 0 ? value : value.slice(0, at) + replacement + value.slice(at + part.length);
}

function occurrences(value: string, part: string): number {
  return part === '' ? 0 : value.split(part).length - 1;
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
  chop: (value) => text(value).replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, ''),
  trim: (value) => text(value).trim(),
  trimLeft: (value) => text(value).trimStart(),
  trimRight: (value) => text(value).trimEnd(),
  padLeft: (value, length, filler) => pad(value, length, filler, 'left'),
  padRight: (value, length, filler) => pad(value, length, filler, 'right'),
  replace: (value, part, replacement) =>
    isMissing(part) ? text(value) : text(value).split(text(part)).join(text(replacement)),
  replacefirst: (value, part, replacement) => replaceFirst(text(value), text(part), text(replacement)),
  removefirst: (value, part) => replaceFirst(text(value), text(part), ''),
  split: (value, delimiter, index) => text(value).split(text(delimiter))[index === undefined ? 0 : number(index)],
  join: (delimiter, ...values) => values.flatMap(list).map(text).join(text(delimiter)),
  substring: (value, start, end) =>
    text(value).substring(number(start) || 0, end === undefined ? undefined : number(end)),
  occurrences: (value, part) => occurrences(text(value), text(part)),
  reverse: (value) =>
    Array.isArray(value) ? [...(value as unknown[])].reverse() : Array.from(text(value)).reverse().join(''),
  sanitize: (value) => text(value).replace(/<[^>]*>/g, ''),
  truncateWords: (value, count, suffix) =>
    truncateWords(text(value), number(count), suffix === undefined ? '…' : text(suffix)),
};

function truncateWords(value: string, count: number, suffix: string): string {
  if (!(count >= 0)) return '';
  const all = value.trim().split(/\s+/);
  return count >= all.length ? value : all.slice(0, Math.floor(count)).join(' ') + suffix;
}
