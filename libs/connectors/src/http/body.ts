import { promisify } from 'node:util';
import zlib from 'node:zlib';

/** Largest answer that is read, after decompression. An answer is held in memory whole. */
export const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
/** Smaller bodies are inflated on the spot: cheaper than a trip to the thread pool. */
const SYNC_BYTES = 32 * 1024;

/** A compressed body that cannot be inflated, or is larger than allowed. */
export class BodyError extends Error {
  override readonly name = 'BodyError';
  constructor(
    readonly reason: 'too_large' | 'malformed',
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

interface Codec {
  readonly sync: (body: Buffer, options: { maxOutputLength: number }) => Buffer;
  readonly async: (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;
}

const gunzip: Codec = { sync: zlib.gunzipSync, async: promisify(zlib.gunzip) as Codec['async'] };
const inflate: Codec = { sync: zlib.inflateSync, async: promisify(zlib.inflate) as Codec['async'] };
const inflateRaw: Codec = { sync: zlib.inflateRawSync, async: promisify(zlib.inflateRaw) as Codec['async'] };
const brotli: Codec = { sync: zlib.brotliDecompressSync, async: promisify(zlib.brotliDecompress) as Codec['async'] };
const zstd: Codec = { sync: zlib.zstdDecompressSync, async: promisify(zlib.zstdDecompress) as Codec['async'] };

/** Sent with every request that does not set its own. */
export const ACCEPT_ENCODING = 'gzip, deflate, br, zstd';

/**
 * Undoes `Content-Encoding`, last coding first.
 *
 * @throws BodyError when the result would exceed the bound (a decompression bomb), or the data is damaged
 */
export async function decompress(
  body: Buffer,
  contentEncoding: string,
  maxBytes = MAX_RESPONSE_BYTES,
): Promise<Buffer> {
  const codings = contentEncoding
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim())
    .reverse();
  // RFC 9110 sets no bound; more than two codings is an attack on the decoder.
  if (codings.length > 3) throw new BodyError('malformed', `The answer is encoded ${codings.length} times.`);
  let current = body;
  for (const coding of codings) {
    if (coding === '' || coding === 'identity' || current.length === 0) continue;
    current = await decode(codecOf(coding, current), current, maxBytes);
  }
  return current;
}

function codecOf(coding: string, body: Buffer): Codec {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return gunzip;
    case 'deflate':
      // RFC 9110 means zlib; some servers send raw deflate. A zlib header starts with 8 in the low bits.
      return (body[0]! & 0x0f) === 8 ? inflate : inflateRaw;
    case 'br':
      return brotli;
    case 'zstd':
      return zstd;
    default:
      throw new BodyError('malformed', `The answer has the unknown content encoding ${JSON.stringify(coding)}.`);
  }
}

async function decode(codec: Codec, body: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    const options = { maxOutputLength: maxBytes };
    return body.length <= SYNC_BYTES ? codec.sync(body, options) : await codec.async(body, options);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new BodyError('too_large', `The answer is larger than ${maxBytes} bytes when decompressed.`, { cause });
    }
    throw new BodyError('malformed', 'The compressed answer is damaged.', { cause });
  }
}

/** Text of a body: UTF-8 unless `Content-Type` names another character set; a byte order mark is dropped. */
export function decodeText(body: Buffer, contentType: string): string {
  const charset = contentType === '' ? undefined : /charset\s*=\s*"?([\w.:+-]+)/i.exec(contentType)?.[1]?.toLowerCase();
  if (charset === undefined || charset === 'utf-8' || charset === 'utf8' || charset === 'us-ascii') {
    const start = body.length >= 3 && body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0;
    if (
      start === 0 &&
      body.length >= 2 &&
      ((body[0] === 0xff && body[1] === 0xfe) || (body[0] === 0xfe && body[1] === 0xff))
    ) {
      return new TextDecoder(body[0] === 0xff ? 'utf-16le' : 'utf-16be').decode(body);
    }
    return body.toString('utf8', start);
  }
  try {
    return new TextDecoder(charset).decode(body);
  } catch {
    return body.toString('utf8'); // a character set nobody knows: the best guess is the usual one
  }
}
