import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { exactJsonBytes } from './json-size.js';
import { PageCutter } from './page-cutter.js';

const megabyte = 1024 * 1024;

function cutAll(chunks: readonly (readonly { n: number; text?: string }[])[], pageSize: number, maxPageBytes: number) {
  const cutter = new PageCutter(pageSize, maxPageBytes, []);
  const pages: unknown[][] = [];
  let tooLarge = 0;
  for (const chunk of chunks) {
    const cut = cutter.push(chunk, JSON.stringify(chunk).length);
    for (const page of cut.pages) pages.push([...page]);
    tooLarge += cut.tooLarge.length;
  }
  const last = cutter.flush();
  if (last) pages.push([...last]);
  return { pages, tooLarge };
}

describe('cutting pages (decision 3)', () => {
  it('cuts by count, across the borders of responses', () => {
    const records = Array.from({ length: 7 }, (_, n) => ({ n }));
    const { pages } = cutAll([records.slice(0, 2), records.slice(2, 3), records.slice(3)], 3, 5 * megabyte);
    expect(pages).toEqual([records.slice(0, 3), records.slice(3, 6), records.slice(6)]);
  });

  it('goes on with records carried over from the slice before', () => {
    const cutter = new PageCutter(3, megabyte, [{ n: 0 }, { n: 1 }]);
    expect(cutter.push([{ n: 2 }, { n: 3 }], 20).pages).toEqual([[{ n: 0 }, { n: 1 }, { n: 2 }]]);
    expect(cutter.carried).toEqual([{ n: 3 }]);
  });

  it('cuts earlier when a page would exceed its bytes', () => {
    const big = Array.from({ length: 5 }, (_, n) => ({ n, text: 'x'.repeat(400) }));
    const { pages } = cutAll([big], 100, 1_000);
    expect(pages.map((page) => page.length)).toEqual([2, 2, 1]);
  });

  it('leaves out a record that alone exceeds a page, and says so', () => {
    const { pages, tooLarge } = cutAll([[{ n: 1 }, { n: 2, text: 'x'.repeat(2_000) }, { n: 3 }]], 10, 1_000);
    expect(tooLarge).toBe(1);
    expect(pages).toEqual([[{ n: 1 }, { n: 3 }]]);
  });

  it('cuts the same pages however the records arrived, and keeps each within its bytes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(300), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 20 }),
        (sizes, chunkSize, pageSize) => {
          const records = sizes.map((size, n) => ({ n, text: 'x'.repeat(size) }));
          const chunks: (typeof records)[] = [];
          for (let at = 0; at < records.length; at += chunkSize) chunks.push(records.slice(at, at + chunkSize));
          const { pages } = cutAll(chunks, pageSize, 1_000);
          expect(pages).toEqual(cutAll([records], pageSize, 1_000).pages);
          expect(pages.flat()).toEqual(records);
          for (const page of pages) {
            expect(page.length).toBeLessThanOrEqual(pageSize);
            expect(page.reduce<number>((sum, r) => sum + exactJsonBytes(r as never), 0)).toBeLessThanOrEqual(1_000);
          }
        },
      ),
    );
  });
});
