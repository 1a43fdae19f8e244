import type { JsonValue } from '#model';
import type { CutChunk, Cutter } from './cutter.js';
import { exactJsonBytes, roughJsonBytes } from './json-size.js';

/**
 * Cuts pages from a source's records, `pageSize` at a time, across the borders of responses; a page that would exceed
 * `maxPageBytes` as JSON is cut early (decision 3, runtime §2). Where pages are cut depends on the records alone, never
 * on how they arrived, so that a slice that is read again yields the same pages.
 */
export class PageCutter implements Cutter {
  readonly #pageSize: number;
  readonly #maxPageBytes: number;
  #open: JsonValue[];
  /** upper bound of the open page's size */
  #openBytes: number;

  /** @param carried records read before, not enough for a page then */
  constructor(pageSize: number, maxPageBytes: number, carried: readonly JsonValue[]) {
    this.#pageSize = pageSize;
    this.#maxPageBytes = maxPageBytes;
    this.#open = [...carried];
    this.#openBytes = carried.reduce<number>((sum, record) => sum + roughJsonBytes(record), 0);
  }

  /** Records of the page that is not complete yet. */
  get carried(): readonly JsonValue[] {
    return this.#open;
  }

  /**
   * @param chunkBytes size of the response that held the records; while pages stay far below the limit whatever a record
   *   weighs, nothing is measured
   */
  push(records: readonly JsonValue[], chunkBytes: number): CutChunk {
    const bound = 2 * chunkBytes;
    if (this.#openBytes + bound <= this.#maxPageBytes) return { pages: this.#cutByCount(records, bound), tooLarge: [] };
    const pages: JsonValue[][] = [];
    const tooLarge: { bytes: number }[] = [];
    for (const record of records) this.#pushMeasured(record, pages, tooLarge);
    return { pages, tooLarge };
  }

  /** The last, incomplete page; null when there is none. */
  flush(): readonly JsonValue[] | null {
    return this.#open.length === 0 ? null : this.#take();
  }

  /** Nothing more is wanted. */
  discard(): void {
    this.#take();
  }

  #cutByCount(records: readonly JsonValue[], bound: number): JsonValue[][] {
    const pages: JsonValue[][] = [];
    let at = 0;
    while (at < records.length) {
      const end = Math.min(records.length, at + this.#pageSize - this.#open.length);
      if (this.#open.length === 0) this.#open = records.slice(at, end);
      else for (let i = at; i < end; i += 1) this.#open.push(records[i]!);
      this.#openBytes += bound;
      at = end;
      if (this.#open.length >= this.#pageSize) pages.push(this.#take());
    }
    return pages;
  }

  #pushMeasured(record: JsonValue, pages: JsonValue[][], tooLarge: { bytes: number }[]): void {
    let bytes = roughJsonBytes(record) + 1;
    if (bytes > this.#maxPageBytes) {
      bytes = exactJsonBytes(record);
      if (bytes > this.#maxPageBytes) {
        tooLarge.push({ bytes });
        return;
      }
    }
    if (this.#open.length > 0 && this.#openBytes + bytes > this.#maxPageBytes) {
      bytes = exactJsonBytes(record) + 1;
      this.#openBytes = this.#open.reduce<number>((sum, open) => sum + exactJsonBytes(open) + 1, 0);
      if (this.#openBytes + bytes > this.#maxPageBytes) pages.push(this.#take());
    }
    this.#open.push(record);
    this.#openBytes += bytes;
    if (this.#open.length >= this.#pageSize) pages.push(this.#take());
  }

  #take(): JsonValue[] {
    const page = this.#open;
    this.#open = [];
    this.#openBytes = 0;
    return page;
  }
}
