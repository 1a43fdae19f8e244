import type { Readable } from 'node:stream';
import { JSONParser } from '@streamparser/json';
import type { Failure } from '#failures';
import type { JsonRecord, JsonValue } from '#model';
import { compileRecordReader, MAX_RECORD_BYTES, type RecordReader, tooLarge } from '../records.js';

/** Smaller files are parsed at once, which is several times faster. */
const WHOLE_BYTES = 16 * 1024 * 1024;

/** A record of a file, or why there is none in its place. */
export type FileItem = { readonly record: JsonValue } | { readonly failure: Failure };

/** Thrown when a file as a whole cannot be read any further. */
export class FileReadError extends Error {
  override readonly name = 'FileReadError';
  constructor(readonly failure: Failure) {
    super(failure.message);
  }
}

/**
 * Records of a JSON file: one array, one object, or one value per line. Reference: runtime §7.1.
 *
 * @throws FileReadError
 */
export async function* readJson(content: Readable, resourcePath: string | undefined): AsyncGenerator<FileItem> {
  const reader = compileRecordReader({ resourcePath }, 'file.json');
  const head: Buffer[] = [];
  let size = 0;
  const chunks = content[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let ended = false;
  while (size <= WHOLE_BYTES) {
    const { value, done } = await chunks.next();
    if (done) {
      ended = true;
      break;
    }
    head.push(value);
    size += value.length;
  }
  if (ended) {
    yield* parseWhole(Buffer.concat(head, size), reader);
    return;
  }
  const rest = (async function* (): AsyncGenerator<Buffer> {
    yield* head.splice(0);
    for (;;) {
      const { value, done } = await chunks.next();
      if (done) return;
      yield value;
    }
  })();
  const first = firstCharacter(head[0]!);
  if (first === '{' && resourcePath === undefined) yield* parseLines(rest, reader);
  else yield* parseStream(rest, streamPath(first, resourcePath));
}

function* parseWhole(body: Buffer, reader: RecordReader): Generator<FileItem> {
  const text = withoutMark(body.toString('utf8'));
  if (text.trim() === '') return;
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    const items = text.split('\n').flatMap((line) => parseLine(line, reader));
    if (!items.some((item) => 'record' in item)) throw unreadable(text);
    yield* items;
    return;
  }
  for (const record of reader(document)) yield checked(record, body.length);
}

/** One JSON value per line; a line that is none fails alone. */
async function* parseLines(chunks: AsyncIterable<Buffer>, reader: RecordReader): AsyncGenerator<FileItem> {
  let open: Buffer[] = [];
  let size = 0;
  let isFirst = true;
  const take = (): FileItem[] => {
    const isTooLong = size > MAX_RECORD_BYTES;
    const text = isTooLong ? '' : Buffer.concat(open, size).toString('utf8');
    const bytes = size;
    open = [];
    size = 0;
    const items = isTooLong
      ? [{ failure: tooLarge(`A line of the file has ${bytes} bytes.`) }]
      : parseLine(isFirst ? withoutMark(text) : text, reader);
    isFirst = false;
    return items;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      append(chunk.subarray(from, at));
      yield* take();
      from = at + 1;
    }
    append(chunk.subarray(from));
  }
  if (size > 0) yield* take();

  function append(part: Buffer): void {
    size += part.length;
    // Of a line that is too long only its length is kept.
    if (size <= MAX_RECORD_BYTES) open.push(part);
    else open = [];
  }
}

function parseLine(line: string, reader: RecordReader): FileItem[] {
  if (line.trim() === '') return [];
  try {
    return reader(JSON.parse(line)).map((record) => ({ record }));
  } catch {
    return [
      { failure: { ...unreadable(line).failure, message: `A line of the file is no JSON: ${line.slice(0, 512)}` } },
    ];
  }
}

/** Elements of one huge array, as they come. */
async function* parseStream(chunks: AsyncIterable<Buffer>, path: string): AsyncGenerator<FileItem> {
  const parser = new JSONParser({ paths: [path], keepStack: false });
  let found: JsonValue[] = [];
  parser.onValue = ({ value }) => {
    found.push(value as JsonValue);
  };
  let isFirst = true;
  try {
    for await (const chunk of chunks) {
      parser.write(isFirst && chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf ? chunk.subarray(3) : chunk);
      isFirst = false;
      if (found.length === 0) continue;
      const records = found;
      found = [];
      for (const record of records) yield checked(record, Infinity);
    }
    if (!parser.isEnded) throw unreadable('(the file ends in the middle of a value)');
  } catch (error) {
    if (error instanceof FileReadError || (error as { code?: unknown }).code !== undefined) throw error;
    throw unreadable(String((error as { message?: unknown }).message ?? error));
  }
}

/** @throws FileReadError for paths that cannot be followed while a file streams through */
function streamPath(first: string, resourcePath: string | undefined): string {
  if (resourcePath === undefined) return '$.*';
  const plain = resourcePath.replace(/^\$\.?/, '').replace(/\[\*\]$/, '');
  if (first !== '{' || !/^[\w-]+(\.[\w-]+)*$/.test(plain)) {
    throw new FileReadError({
      code: 'not_supported',
      message: `In a file of more than ${WHOLE_BYTES} bytes, resourcePath can only be a path of plain names: ${resourcePath}`,
      source: 'resource',
    });
  }
  return `$.${plain}.*`;
}

/** @param sourceBytes size of what the record is part of; small sources need no measuring */
function checked(record: JsonValue, sourceBytes: number): FileItem {
  if (sourceBytes <= MAX_RECORD_BYTES || approximateSize(record, MAX_RECORD_BYTES) <= MAX_RECORD_BYTES)
    return { record };
  return { failure: tooLarge('A record of the file is too large.') };
}

/** About the JSON size, rather too little; stops counting once it exceeds the limit. Cheaper than serialising. */
export function approximateSize(value: JsonValue | undefined, limit: number): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return 4;
  let size = 2;
  for (const key of Object.keys(value)) {
    size += key.length + approximateSize((value as JsonRecord)[key], limit - size);
    if (size > limit) return size;
  }
  return size;
}

function firstCharacter(chunk: Buffer): string {
  return withoutMark(chunk.toString('latin1', 0, 1024).replace('ï»¿', '')).trimStart()[0] ?? '';
}

function withoutMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

function unreadable(text: string): FileReadError {
  return new FileReadError({
    code: 'parse_error',
    message: `The file is no JSON. It begins: ${text.slice(0, 512)}`,
    source: 'resource',
    classification: 'parse',
  });
}

/** Paths are compiled with the export; a malformed one refuses the run. */
export function checkResourcePath(resourcePath: string | undefined): void {
  compileRecordReader({ resourcePath }, 'file.json');
}
