/** Sizes are this many bytes times a whole number, so that a buffer that is free fits what comes next. */
const granuleBytes = 64 * 1024;

/**
 * Buffers that are used again. New ones would be memory outside of V8's heap, and with every 64 MB of that V8 marks the whole
 * heap. Whoever hands a buffer back must have handed no view of it to anyone else.
 */
export class SpareBuffers {
  readonly #spares: Buffer[] = [];
  #bytes = 0;

  /** @param maxBytes most bytes that are kept while nobody uses them */
  constructor(private readonly maxBytes: number) {}

  /**
   * @param most bytes beyond which a spare buffer is too good for this
   * @returns a buffer of at least so many bytes, whatever they hold
   */
  take(bytes: number, most = Infinity): Buffer {
    const at = this.#spares.findIndex(({ byteLength }) => byteLength >= bytes && byteLength <= most);
    if (at < 0) return Buffer.allocUnsafeSlow(Math.max(1, Math.ceil(bytes / granuleBytes)) * granuleBytes);
    const [spare] = this.#spares.splice(at, 1);
    this.#bytes -= spare!.byteLength;
    return spare!;
  }

  give(buffer: Buffer): void {
    if (this.#bytes + buffer.byteLength > this.maxBytes) return;
    this.#spares.push(buffer);
    this.#bytes += buffer.byteLength;
  }
}
