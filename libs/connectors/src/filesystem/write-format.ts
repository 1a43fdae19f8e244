import { gzipSync } from 'node:zlib';
import { stringify } from 'csv-stringify/sync';
import type { Failure } from '#failures';
import type { Import, JsonRecord, JsonValue } from '#model';

type FileSettings = NonNullable<Import['file']>;

/**
 * A file is head, items with separators between them, and trailer. So a file can grow by a page: its trailer gives way to a
 * separator, the new items and the trailer again.
 */
export interface WriteFormat {
  /** Between two pages; the same as between two items, in its final bytes. */
  readonly separator: Buffer;
  /** Between two items of one page. */
  readonly plainSeparator: string;
  readonly trailer: Buffer;
  /** @param columns of a CSV file, as its first page settled them */
  head(columns: readonly string[]): Buffer;
  columnsOf(records: readonly JsonValue[]): readonly string[];
  /** One item, or why the record has no place in the file. */
  item(record: JsonValue, columns: readonly string[]): string | Failure;
  /** Items in their final bytes. */
  encode(text: string): Buffer;
}

/** @returns null for a type that cannot be written */
export function writeFormat(file: FileSettings, fileName: string): WriteFormat | null {
  const isGzip = file.compressionFormat === 'gzip';
  // Members of gzip can follow each other, so every part of a file is one of its own.
  const encode = (text: string): Buffer => {
    const bytes = encodeText(text, file.encoding ?? 'utf8');
    return isGzip && bytes.length > 0 ? gzipSync(bytes) : bytes;
  };
  if (file.type === 'csv' || (file.type === undefined && /\.(csv|tsv)(\.gz)?$/i.test(fileName)))
    return csvFormat(file, encode);
  if (file.type !== 'json' && file.type !== undefined) return null;
  return /\.(jsonl|ndjson)(\.gz)?$/i.test(fileName) ? linesFormat(encode) : arrayFormat(encode);
}

/** Encodings that text can be written in without a table of our own. */
export const WRITABLE_ENCODINGS = new Set(['utf8', 'utf-16le', 'iso88591', 'win1252']);

function encodeText(text: string, encoding: string): Buffer {
  if (encoding === 'utf-16le') return Buffer.from(text, 'utf16le');
  return encoding === 'iso88591' || encoding === 'win1252' ? Buffer.from(text, 'latin1') : Buffer.from(text, 'utf8');
}

type Encode = (text: string) => Buffer;

function arrayFormat(encode: Encode): WriteFormat {
  return {
    separator: encode(',\n'),
    plainSeparator: ',\n',
    trailer: encode('\n]\n'),
    head: () => encode('[\n'),
    columnsOf: () => [],
    item: (record) => JSON.stringify(record),
    encode,
  };
}

function linesFormat(encode: Encode): WriteFormat {
  return {
    separator: encode('\n'),
    plainSeparator: '\n',
    trailer: encode('\n'),
    head: () => encode(''),
    columnsOf: () => [],
    item: (record) => JSON.stringify(record),
    encode,
  };
}

function csvFormat(file: FileSettings, encode: Encode): WriteFormat {
  const csv = file.csv ?? {};
  const rowDelimiter = unescape(csv.rowDelimiter ?? '\n');
  const row = (values: readonly string[]): string =>
    stringify([[...values]], {
      delimiter: unescape(csv.columnDelimiter ?? ','),
      record_delimiter: rowDelimiter,
      quoted: csv.wrapWithQuotes ?? false,
      eof: false,
    });
  const cell = (value: JsonValue | undefined): string => {
    let text =
      value === undefined || value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
    if (csv.replaceTabWithSpace) text = text.replaceAll('\t', ' ');
    if (csv.replaceNewlineWithSpace) text = text.replace(/\r\n|\r|\n/g, ' ');
    return text;
  };
  return {
    separator: encode(rowDelimiter),
    plainSeparator: rowDelimiter,
    trailer: encode(csv.truncateLastRowDelimiter ? '' : rowDelimiter),
    head: (columns) => {
      const rows = [...(csv.customHeaderRows ?? []), ...(csv.includeHeader === false ? [] : [row(columns)])];
      return encode(rows.map((line) => line + rowDelimiter).join(''));
    },
    columnsOf: (records) => [...new Set(records.flatMap((record) => (isObject(record) ? Object.keys(record) : [])))],
    item: (record, columns) => {
      if (!isObject(record)) return refuse('Only an object can become a row.');
      const unknown = Object.keys(record).find((name) => !columns.includes(name));
      if (unknown !== undefined)
        return refuse(`The file has no column ${unknown.slice(0, 200)}: its first page settled the columns.`);
      return row(columns.map((name) => cell(Object.hasOwn(record, name) ? record[name] : undefined)));
    },
    encode,
  };
}

function isObject(value: JsonValue): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unescape(text: string): string {
  return text.replaceAll('\\t', '\t').replaceAll('\\r', '\r').replaceAll('\\n', '\n');
}

function refuse(message: string): Failure {
  return { code: 'invalid_record', message, source: 'resource', classification: 'value' };
}
