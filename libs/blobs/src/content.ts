import { Readable } from 'node:stream';

/** Either form of content as a stream. */
export function toReadable(content: Uint8Array | Readable): Readable {
  // An array of one, as the bytes themselves would be iterated one by one.
  return content instanceof Readable ? content : Readable.from(content.byteLength > 0 ? [content] : []);
}

/** Content that will not be read: lets go of what stands behind it. */
export function releaseContent(content: Uint8Array | Readable): void {
  if (content instanceof Readable) content.destroy();
}
