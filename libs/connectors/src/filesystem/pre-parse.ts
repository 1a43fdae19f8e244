import { Readable } from 'node:stream';
import type { FileText } from '#engine';
import type { JsonRecord } from '#model';
import { connectorCodes as codes } from '../codes.js';
import { FileReadError } from './read-json.js';

/** Of a file's text in UTF-8: users' functions get as much of a file at once as of a page. */
const MAX_TEXT_BYTES = 5 * 1024 * 1024;
const READ_BYTES = 256 * 1024;

/** A file to be parsed. */
export interface ReadableFile {
  /** UTF-8 */
  readonly content: Readable;
  readonly fileMeta: JsonRecord;
}

/** @throws FileReadError for a file over the limit; what reading throws */
export async function wholeText(content: Readable): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of content as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_TEXT_BYTES) throw tooLarge();
    parts.push(part);
  }
  const text = Buffer.concat(parts, size).toString('utf8');
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** What a user's function made of a file, to be read like the file itself. */
export function readableText({ preParseData, fileMeta }: FileText): ReadableFile {
  const bytes = Buffer.from(preParseData);
  const pieces = function* (): Generator<Buffer> {
    for (let at = 0; at < bytes.length; at += READ_BYTES) yield bytes.subarray(at, at + READ_BYTES);
  };
  return { content: Readable.from(pieces()), fileMeta };
}

function tooLarge(): FileReadError {
  return new FileReadError({
    code: codes.file_too_large.code,
    message: `The file has more than ${MAX_TEXT_BYTES} bytes of text, which is more than preParse can be given.`,
    source: 'pre_parse_hook',
    classification: 'too_large',
  });
}
