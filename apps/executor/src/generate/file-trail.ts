import type { SourceChunk } from '#connectors';
import type { JsonRecord, JsonValue } from '#model';

/** So many records in a row came from one file; null: from none that is known. */
export interface FileSpan {
  readonly count: number;
  readonly fileMeta: JsonRecord | null;
}

/**
 * Which file each record of a source came from, while its page is being cut. Records are known by identity, and a group of
 * them by its first: groups never span files. Values that are no objects leave no trail.
 */
export class FileTrail {
  readonly #fileOf = new WeakMap<object, JsonRecord>();

  note({ fileMeta }: SourceChunk, records: readonly JsonValue[]): void {
    if (fileMeta === undefined) return;
    for (const record of records) this.#noteOne(record, fileMeta);
  }

  /** By position; undefined where it is not known. */
  of(records: readonly JsonValue[]): readonly (JsonRecord | undefined)[] {
    return records.map((record) => this.#fileOfOne(record));
  }

  /** In the form that the next slice's message carries. */
  spansOf(records: readonly JsonValue[]): readonly FileSpan[] {
    const spans: FileSpan[] = [];
    for (const found of this.of(records)) {
      const fileMeta = found ?? null;
      const last = spans.at(-1);
      if (last !== undefined && last.fileMeta === fileMeta)
        spans[spans.length - 1] = { ...last, count: last.count + 1 };
      else spans.push({ count: 1, fileMeta });
    }
    return spans;
  }

  /** Takes up the trail of records that an earlier slice read. */
  restore(records: readonly JsonValue[], spans: readonly FileSpan[]): void {
    let from = 0;
    for (const { count, fileMeta } of spans) {
      const some = records.slice(from, from + count);
      from += count;
      if (fileMeta === null) continue;
      for (const record of some) {
        this.#noteOne(record, fileMeta);
        // A group may go on in an array of its own: its first record stands for it.
        if (Array.isArray(record)) this.#noteOne(record[0] as JsonValue | undefined, fileMeta);
      }
    }
  }

  #noteOne(record: JsonValue | undefined, fileMeta: JsonRecord): void {
    if (typeof record === 'object' && record !== null) this.#fileOf.set(record, fileMeta);
  }

  #fileOfOne(record: JsonValue | undefined): JsonRecord | undefined {
    if (typeof record !== 'object' || record === null) return undefined;
    const own = this.#fileOf.get(record);
    return own === undefined && Array.isArray(record) ? this.#fileOfOne(record[0] as JsonValue | undefined) : own;
  }
}
