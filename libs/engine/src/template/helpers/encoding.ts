import { createHash, createHmac } from 'node:crypto';
import { escapeJson, escapeXml } from '../format.js';
import { isMissing, number, text } from './arguments.js';
import type { ValueHelper } from './types.js';

const encodings: ReadonlySet<string> = new Set([
  'utf8',
  'ascii',
  'hex',
  'base64',
  'binary',
  'latin1',
  'ucs2',
  'utf16le',
]);

function encodingOf(value: unknown, helper: string): BufferEncoding {
  const name = isMissing(value) ? 'utf8' : text(value);
  if (!encodings.has(name)) throw new Error(`${helper}: the format '${name}' is not known.`);
  return name as BufferEncoding;
}

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };

function decodeHtml(value: string): string {
  return value.replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]+));/g, (entity, decimal, hex, name) => {
    if (name !== undefined) return Object.hasOwn(named, name as string) ? (named[name as string] as string) : entity;
    const code = decimal === undefined ? Number.parseInt(hex as string, 16) : Number(decimal);
    return code <= 0x10_ff_ff ? String.fromCodePoint(code) : entity;
  });
}

function decodeUri(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    // Invalid or already plain: unchanged (handlebars §4.5).
    return value;
  }
}

function serialize(value: unknown): string {
  if (value === undefined) throw new Error('jsonSerialize: the value is not defined.');
  return JSON.stringify(value);
}

function parse(value: unknown): unknown {
  try {
    return JSON.parse(text(value));
  } catch {
    throw new Error('jsonParse: the text is not JSON.');
  }
}

/** Reference: handlebars §4.5. */
export const encodingHelpers: Readonly<Record<string, ValueHelper>> = {
  // With a format other than utf8 the text encoded in that format comes back, not Base64: odd but documented.
  base64Encode: (value, format) => {
    const encoding = encodingOf(format, 'base64Encode');
    return Buffer.from(text(value), 'utf8').toString(encoding === 'utf8' ? 'base64' : encoding);
  },
  base64Decode: (value, format) => Buffer.from(text(value), 'base64').toString(encodingOf(format, 'base64Decode')),
  encodeURI: (value) => encodeURIComponent(text(value)),
  decodeURI: (value) => decodeUri(text(value)),
  htmlEncode: (value) => escapeXml(text(value)),
  htmlDecode: (value) => decodeHtml(text(value)),
  jsonEncode: (value) => (typeof value === 'string' ? escapeJson(value) : value),
  jsonSerialize: serialize,
  jsonStringify: serialize,
  jsonParse: parse,
  stripProtocol: (value) => text(value).replace(/^(?:https?|ftps?|wss?|h2):(?=\/\/)/i, ''),
  stripQuerystring: (value) => text(value).split('?')[0],
};

const digestEncodings: ReadonlySet<string> = new Set(['hex', 'base64', 'base64url']);

function digestEncoding(value: unknown, helper: string): 'hex' | 'base64' | 'base64url' {
  const name = text(value);
  if (!digestEncodings.has(name)) throw new Error(`${helper}: the encoding must be hex or base64.`);
  return name as 'hex' | 'base64' | 'base64url';
}

/** Reference: handlebars §4.7. Digests of values at hand: computation, no I/O. */
export const digestHelpers: Readonly<Record<string, ValueHelper>> = {
  hash: (algorithm, encoding, value) =>
    createHash(text(algorithm)).update(text(value)).digest(digestEncoding(encoding, 'hash')),
  hmac: (algorithm, key, encoding, value, keyEncoding) => {
    const secret = Buffer.from(text(key), text(keyEncoding) === 'base64' ? 'base64' : 'utf8');
    return createHmac(text(algorithm), secret).update(text(value)).digest(digestEncoding(encoding, 'hmac'));
  },
};

/** A text longer than this is not searched: patterns are users' and their running time grows with it. */
const maxSearchedText = 100_000;
const expressions = new Map<string, RegExp>();

function expressionOf(source: unknown, flags: string): RegExp {
  const key = `${flags}/${text(source)}`;
  let expression = expressions.get(key);
  if (expression === undefined) {
    expression = new RegExp(text(source), flags);
    if (expressions.size >= 500) expressions.clear();
    expressions.set(key, expression);
  }
  expression.lastIndex = 0;
  return expression;
}

function searched(value: unknown, helper: string): string {
  const input = text(value);
  if (input.length > maxSearchedText)
    throw new Error(`${helper}: the text has more than ${maxSearchedText} characters.`);
  return input;
}

/** Reference: handlebars §4.6. */
export const regexHelpers: Readonly<Record<string, ValueHelper>> = {
  regexMatch: (value, pattern, third, fourth) => {
    const thirdIsFlags = third !== undefined && Number.isNaN(number(third));
    const flags = thirdIsFlags ? text(third) : text(fourth);
    const index = thirdIsFlags || third === undefined ? 0 : number(third);
    const expression = expressionOf(pattern, flags.includes('g') ? flags : `${flags}g`);
    let at = 0;
    for (const match of searched(value, 'regexMatch').matchAll(expression)) {
      if (at === index) return match[0];
      at += 1;
    }
    return undefined;
  },
  regexReplace: (value, replacement, pattern, flags) =>
    searched(value, 'regexReplace').replace(expressionOf(pattern, text(flags)), text(replacement)),
  regexSearch: (value, pattern, flags) => searched(value, 'regexSearch').search(expressionOf(pattern, text(flags))),
};
