import type { ReplyHead, Request } from './protocol.js';

const prefixBytes = 8;
const lineFeed = 0x0a;
/** A reader keeps the memory of frames up to this size for the next one. */
const maxKeptBytes = 2 * 1024 * 1024;

/** A frame: two lengths (unsigned 32 bit, little endian), a JSON head, and a body of UTF-8 lines. */
export function encodeFrame(head: Request | ReplyHead, lines: readonly string[]): Buffer {
  const headText = JSON.stringify(head);
  const headLength = Buffer.byteLength(headText);
  const lengths = lines.map((line) => Buffer.byteLength(line));
  const bodyLength = lengths.reduce((sum, length) => sum + length, Math.max(0, lines.length - 1));
  const frame = Buffer.allocUnsafe(prefixBytes + headLength + bodyLength);
  frame.writeUInt32LE(headLength, 0);
  frame.writeUInt32LE(bodyLength, 4);
  frame.write(headText, prefixBytes);
  let at = prefixBytes + headLength;
  for (const [index, line] of lines.entries()) {
    if (index > 0) frame[at++] = lineFeed;
    frame.write(line, at);
    at += lengths[index]!;
  }
  return frame;
}

/** @throws Error when there are more lines than there may be */
export function linesOf(body: Buffer, maxLines: number): string[] {
  const lines: string[] = [];
  for (let from = 0; from <= body.length;) {
    if (lines.length === maxLines) throw new Error(`A body of more than ${maxLines} lines.`);
    const end = body.indexOf(lineFeed, from);
    const to = end === -1 ? body.length : end;
    lines.push(body.toString('utf8', from, to));
    from = to + 1;
  }
  return lines;
}

/** @param body memory of the reader's: to be read before the function returns */
type UseFrame = (head: string, body: Buffer) => void;

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  /** Memory for a frame that arrives in pieces. */
  #memory: Buffer = Buffer.allocUnsafe(0);
  /** bytes of it that have arrived */
  #held = 0;

  constructor(
    private readonly maxBytes: number,
    private readonly use: UseFrame,
  ) {}

  /** @throws Error when a frame is larger than it may be */
  push(chunk: Buffer): void {
    for (let rest = chunk; rest.length > 0;) {
      const used = this.#held === 0 ? this.#whole(rest) : 0;
      rest = rest.subarray(used > 0 ? used : this.#keep(rest));
    }
  }

  /** @returns bytes of the frame at the start of the bytes, which is used; 0 when more of it is to come */
  #whole(bytes: Buffer): number {
    const size = this.#sizeOf(bytes);
    if (size === null || size > bytes.length) return 0;
    this.#read(bytes, size);
    return size;
  }

  /** @returns bytes that belong to the frame that is arriving */
  #keep(bytes: Buffer): number {
    const wanted = this.#sizeOf(this.#memory.subarray(0, this.#held)) ?? prefixBytes;
    if (wanted > this.#memory.length) this.#grow(wanted);
    const taken = bytes.copy(this.#memory, this.#held, 0, wanted - this.#held);
    this.#held += taken;
    if (this.#held === wanted && this.#sizeOf(this.#memory) === wanted) {
      this.#held = 0;
      this.#read(this.#memory, wanted);
      if (this.#memory.length > maxKeptBytes) this.#memory = Buffer.allocUnsafe(0);
    }
    return taken;
  }

  #grow(bytes: number): void {
    const memory = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.#memory.length));
    this.#memory.copy(memory, 0, 0, this.#held);
    this.#memory = memory;
  }

  /** @returns bytes of the frame at the start of the bytes; null when its lengths are not there yet */
  #sizeOf(bytes: Buffer): number | null {
    if (bytes.length < prefixBytes) return null;
    const size = prefixBytes + bytes.readUInt32LE(0) + bytes.readUInt32LE(4);
    if (size > this.maxBytes) throw new Error(`A frame of ${size} bytes is too large.`);
    return size;
  }

  #read(bytes: Buffer, size: number): void {
    const bodyAt = prefixBytes + bytes.readUInt32LE(0);
    this.use(bytes.toString('utf8', prefixBytes, bodyAt), bytes.subarray(bodyAt, size));
  }
}
