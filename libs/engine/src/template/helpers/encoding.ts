import { escapeJson, escapeXml } from '../format.js';
import { work } from '../work.js';
import { isMissing, text } from './arguments.js';
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

const unitsPerSerializedCharacter = 5;

function serialize(value: unknown): string {
  if (value === undefined) throw new Error('jsonSerialize: the value is not defined.');
  const serialized = JSON.stringify(value);
  work.spend(serialized.length * unitsPerSerializedCharacter);
  return serialized;
}

function parse(value: unknown): unknown {
  try {
    return JSON.parse(text(value));
  } catch {
    throw new Error('jsonParse: the text is not JSON.');
  }
}

function withoutQuery(url: string): string {
  const at = url.indexOf('?');
  return at < 0 ? url : url.slice(0, at);
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
  stripQuerystring: (value) => withoutQuery(text(value)),
};
