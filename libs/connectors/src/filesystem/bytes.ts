import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline, Readable, Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** Names of the API to labels of the Encoding Standard. Reference: resources §4.5. */
const LABELS: Readonly<Record<string, string>> = {
  utf8: 'utf-8',
  win1252: 'windows-1252',
  'utf-16le': 'utf-16le',
  gb18030: 'gb18030',
  macroman: 'macintosh',
  iso88591: 'iso-8859-1',
  shiftjis: 'shift_jis',
};

const READ_BYTES = 256 * 1024;

export interface ByteOptions {
  readonly encoding: string;
  readonly gzip: boolean;
}

/** Opens a regular file, to be read as UTF-8; a symbolic link in its place is refused by the system. */
export async function openFile(path: string, options: ByteOptions): Promise<Readable> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  const raw = handle.createReadStream({ highWaterMark: READ_BYTES });
  const stages: Transform[] = [];
  if (options.gzip) stages.push(createGunzip({ chunkSize: READ_BYTES }));
  if (options.encoding !== 'utf8') stages.push(toUtf8(options.encoding));
  let content: Readable = raw;
  for (const stage of stages) {
    // Errors travel down the chain to whoever reads its end; there is nothing else to do about them here.
    content = pipeline(content, stage, () => undefined);
  }
  return content;
}

function toUtf8(encoding: string): Transform {
  const decoder = new TextDecoder(LABELS[encoding] ?? encoding);
  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      callback(null, Buffer.from(decoder.decode(chunk, { stream: true })));
    },
    flush(callback) {
      callback(null, Buffer.from(decoder.decode()));
    },
  });
}
