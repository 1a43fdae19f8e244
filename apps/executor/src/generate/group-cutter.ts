import type { GroupKey } from '#engine';
import { isRecord, type JsonRecord, type JsonValue } from '#model';
import type { CutChunk, Cutter } from './cutter.js';
import { exactJsonBytes, roughJsonBytes } from './json-size.js';

/**
 * Stands for a group over the limit whose rows are being dropped, among what is carried: real groups are arrays. Its key is
 * null where no group is open.
 */
interface DroppedGroup extends JsonRecord {
  readonly droppedGroup: string | null;
}

const noGroup: DroppedGroup = { droppedGroup: null };

/**
 * Groups adjacent records into bare arrays and cuts pages of them: `pageSize` counts groups, which go on across the
 * borders of responses and slices. A page ends early where it would exceed `maxPageBytes`; a group that alone exceeds it
 * is left out. Reference: runtime §2, §7.2.
 *
 * What is carried are the complete groups of the open page and, last, the open group: together never over the limit.
 */
export class GroupCutter implements Cutter {
  readonly #keyOf: GroupKey;
  readonly #pageSize: number;
  readonly #maxPageBytes: number;
  #page: JsonValue[] = [];
  #group: JsonValue[] | DroppedGroup = noGroup;
  #key: string | null = null;
  /** Upper bounds, as JSON. */
  #pageBytes = 0;
  #groupBytes = 0;

  /** @param carried see {@link GroupCutter.carried} */
  constructor(keyOf: GroupKey, pageSize: number, maxPageBytes: number, carried: readonly JsonValue[]) {
    this.#keyOf = keyOf;
    this.#pageSize = pageSize;
    this.#maxPageBytes = maxPageBytes;
    const open = carried.at(-1);
    if (open === undefined) return;
    this.#page = carried.slice(0, -1);
    this.#pageBytes = sizeOf(this.#page, roughJsonBytes);
    if (isDropped(open)) {
      this.#group = open;
      this.#key = open.droppedGroup;
    } else {
      const rows = open as JsonValue[];
      this.#group = [...rows];
      this.#groupBytes = sizeOf(rows, roughJsonBytes);
      this.#key = keyOf(rows[0]!);
    }
  }

  get carried(): readonly JsonValue[] {
    return this.#group === noGroup && this.#page.length === 0 ? [] : [...this.#page, this.#group];
  }

  push(records: readonly JsonValue[], _chunkBytes: number, breaksGroup: boolean): CutChunk {
    const pages: JsonValue[][] = [];
    const tooLarge: { bytes: number }[] = [];
    if (breaksGroup) this.#close(pages);
    for (const record of records) {
      const key = this.#keyOf(record);
      if (this.#group === noGroup || key === null || key !== this.#key) {
        this.#close(pages);
        this.#group = [];
        this.#groupBytes = 2;
        this.#key = key;
      }
      this.#add(record, pages, tooLarge);
    }
    return { pages, tooLarge };
  }

  flush(): readonly JsonValue[] | null {
    const groups = Array.isArray(this.#group) ? [...this.#page, this.#group] : this.#page;
    this.discard();
    return groups.length === 0 ? null : groups;
  }

  discard(): void {
    this.#page = [];
    this.#pageBytes = 0;
    this.#group = noGroup;
    this.#groupBytes = 0;
  }

  #close(pages: JsonValue[][]): void {
    if (Array.isArray(this.#group)) {
      this.#page.push(this.#group);
      this.#pageBytes += this.#groupBytes;
      if (this.#page.length >= this.#pageSize) this.#end(pages);
    }
    this.#group = noGroup;
    this.#groupBytes = 0;
  }

  #add(record: JsonValue, pages: JsonValue[][], tooLarge: { bytes: number }[]): void {
    if (!Array.isArray(this.#group)) return; // its group is over the limit
    this.#group.push(record);
    this.#groupBytes += roughJsonBytes(record) + 1;
    if (this.#pageBytes + this.#groupBytes <= this.#maxPageBytes) return;
    this.#pageBytes = sizeOf(this.#page, exactJsonBytes);
    this.#groupBytes = sizeOf(this.#group, exactJsonBytes);
    if (this.#page.length > 0 && this.#pageBytes + this.#groupBytes > this.#maxPageBytes) this.#end(pages);
    if (this.#groupBytes <= this.#maxPageBytes) return;
    tooLarge.push({ bytes: this.#groupBytes });
    this.#group = { droppedGroup: this.#key };
    this.#groupBytes = 0;
  }

  #end(pages: JsonValue[][]): void {
    pages.push(this.#page);
    this.#page = [];
    this.#pageBytes = 0;
  }
}

function isDropped(group: JsonValue): group is DroppedGroup {
  return isRecord(group);
}

/** Of an array with its brackets and commas. */
function sizeOf(values: readonly JsonValue[], measure: (value: JsonValue) => number): number {
  return values.reduce<number>((sum, value) => sum + measure(value) + 1, 2);
}
