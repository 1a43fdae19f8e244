import { describe, expect, it } from '@jest/globals';
import { SourceError, type Source, type StepContext } from '#connectors';
import type { ReadPosition } from '#contracts';
import type { JsonValue } from '#model';
import { readRaw, type ReadLimits } from './raw-reader.js';

const context = {} as StepContext;
const start: ReadPosition = { cursor: null, skip: 0 };

/** Responses of the given sizes, with records 0, 1, 2 … */
function source(sizes: readonly number[], options: { fails?: boolean; row?: (id: number) => JsonValue } = {}): Source {
  return {
    async *read(cursor) {
      let id = 0;
      for (const [at, size] of sizes.entries()) {
        const records = Array.from({ length: size }, () => options.row?.(id++) ?? { id: id++ });
        if (at < Number(cursor?.['at'] ?? 0)) continue;
        const isLast = at === sizes.length - 1;
        yield { records, next: isLast && options.fails !== true ? null : { at: at + 1 }, bytes: 1, failures: [] };
      }
      if (options.fails === true) throw new SourceError({ code: '500', message: 'down', source: 'application' });
    },
  };
}

/** All records, page by page, and the sizes of the pages. */
async function pages(from: Source, limits: Partial<ReadLimits>) {
  const sizes: number[] = [];
  const records: JsonValue[] = [];
  for (let position: ReadPosition | null = start; position !== null;) {
    const read = await readRaw(from, context, position, {
      records: Infinity,
      bytes: Infinity,
      groupKey: undefined,
      ...limits,
    });
    sizes.push(read.records.length);
    records.push(...read.records);
    position = read.next;
  }
  return { sizes, records };
}

const ids = (count: number) => Array.from({ length: count }, (_, id) => ({ id }));

describe('reading up to a limit', () => {
  it.each([
    ['within a response', [10], 4, [4, 4, 2]],
    ['across responses', [3, 3, 3], 4, [4, 4, 1]],
    ['at the border of a response', [4, 4], 4, [4, 4]],
    ['past empty responses', [0, 2, 0, 2, 0], 3, [3, 1]],
  ])('%s gives every record once, in order', async (_, sizes, records, expected) => {
    const total = sizes.reduce((sum, size) => sum + size, 0);
    expect(await pages(source(sizes), { records })).toEqual({ sizes: expected, records: ids(total) });
  });

  it('ends a page by its bytes, and takes a record that is too large alone', async () => {
    const rows = source([4], { row: (id) => ({ id, text: 'x'.repeat(id === 2 ? 500 : 10) }) });
    expect((await pages(rows, { bytes: 80 })).sizes).toEqual([2, 1, 1]);
  });

  it('counts groups, which go on across responses and never across pages', async () => {
    const rows = source([3, 3, 3], { row: (id) => ({ order: Math.floor(id / 2) }) });
    const groupKey = (row: JsonValue) => String((row as { order: number }).order);
    const { sizes, records } = await pages(rows, { records: 2, groupKey });
    expect(sizes).toEqual([2, 2, 1]);
    expect(records).toEqual(
      [0, 1, 2, 3, 4].map((order) => Array.from({ length: order === 4 ? 1 : 2 }, () => ({ order }))),
    );
  });

  it('leaves a group that does not fit for the next page', async () => {
    const rows = source([5], { row: (id) => ({ order: id < 2 ? 0 : 1 }) });
    const groupKey = (row: JsonValue) => String((row as { order: number }).order);
    const { records } = await pages(rows, { bytes: 40, groupKey });
    expect(records.map((group) => (group as JsonValue[]).length)).toEqual([2, 3]);
  });

  it('gives what was read before the source failed, and why it did', async () => {
    const read = await readRaw(source([2], { fails: true }), context, start, {
      records: 10,
      bytes: 1_000,
      groupKey: undefined,
    });
    expect(read).toMatchObject({ records: ids(2), ended: { code: '500' }, next: null });
  });
});
