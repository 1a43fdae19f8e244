import type { Cursor, Source, SourceChunk, StepContext } from './ports.js';

/**
 * An export of type `test` stops after a number of records over all pages. Reference: runtime §3.
 * The cursor keeps what is left beside the inner source's own cursor.
 */
export function limitRecords(source: Source, limit: number): Source {
  return {
    async *read(cursor: Cursor | null, context: StepContext): AsyncIterable<SourceChunk> {
      let left = typeof cursor?.['left'] === 'number' ? cursor['left'] : limit;
      const inner = (cursor?.['inner'] as Cursor | null | undefined) ?? null;
      for await (const chunk of source.read(inner, context)) {
        const records = chunk.records.slice(0, left);
        left -= records.length;
        const isLast = left <= 0 || chunk.next === null;
        yield { ...chunk, records, next: isLast ? null : { left, inner: chunk.next } };
        if (isLast) return;
      }
    },
  };
}
