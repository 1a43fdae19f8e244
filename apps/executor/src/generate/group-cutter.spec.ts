import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isRecord, type JsonRecord, type JsonValue } from '#model';
import { GroupCutter } from './group-cutter.js';
import { exactJsonBytes } from './json-size.js';

interface Row extends JsonRecord {
  readonly order: number | null;
  readonly text?: string;
}

const keyOf = (record: JsonValue): string | null => {
  const { order } = record as Row;
  return order === null ? null : String(order);
};
const rows = (...orders: readonly (number | null)[]): Row[] => orders.map((order) => ({ order }));

/** Pushes chunks, handing what is carried over to a new cutter where `resume` says so. */
function cutAll(
  chunks: readonly (readonly Row[])[],
  options: { pageSize?: number; maxPageBytes?: number; resume?: boolean; breaks?: boolean } = {},
) {
  const { pageSize = 2, maxPageBytes = 10_000 } = options;
  let cutter = new GroupCutter(keyOf, pageSize, maxPageBytes, []);
  const pages: JsonValue[][] = [];
  let tooLarge = 0;
  for (const chunk of chunks) {
    const cut = cutter.push(chunk, 0, options.breaks === true);
    for (const page of cut.pages) pages.push([...page]);
    tooLarge += cut.tooLarge.length;
    if (options.resume === true) {
      const carried = JSON.parse(JSON.stringify(cutter.carried)) as JsonValue[];
      cutter = new GroupCutter(keyOf, pageSize, maxPageBytes, carried);
    }
  }
  const last = cutter.flush();
  if (last !== null) pages.push([...last]);
  return { pages, tooLarge };
}

describe('pages of groups (runtime §7.2)', () => {
  it('makes bare arrays of adjacent records with the same key; the page size counts groups', () => {
    const { pages } = cutAll([rows(1, 1, 2, 3, 3, 1)]);
    expect(pages).toEqual([
      [rows(1, 1), rows(2)],
      [rows(3, 3), rows(1)],
    ]);
  });

  it('keeps records without a key by themselves', () => {
    expect(cutAll([rows(null, null, 1, 1)], { pageSize: 10 }).pages).toEqual([[rows(null), rows(null), rows(1, 1)]]);
  });

  it.each([[false], [true]])('goes on with a group across responses (in another process: %p)', (resume) => {
    const { pages } = cutAll([rows(1), rows(1, 2), rows(2), [], rows(2, 3)], { resume });
    expect(pages).toEqual([[rows(1, 1), rows(2, 2, 2)], [rows(3)]]);
  });

  it.each([[false], [true]])('ends groups with their file, also a file without records (resumed: %p)', (resume) => {
    const { pages } = cutAll([rows(1), [], rows(1)], { breaks: true, resume });
    expect(pages).toEqual([[rows(1), rows(1)]]);
  });

  it('ends a page early where the open group would not fit into it', () => {
    const big = (order: number): Row => ({ order, text: 'x'.repeat(300) });
    const { pages } = cutAll([[big(1), big(1), big(2), big(2)]], { pageSize: 10, maxPageBytes: 1_000 });
    expect(pages).toEqual([[[big(1), big(1)]], [[big(2), big(2)]]]);
  });

  it.each([[false], [true]])('leaves out a group over the limit, and only it (resumed: %p)', (resume) => {
    const big: Row = { order: 2, text: 'x'.repeat(400) };
    const chunks = [[...rows(1), big], [big, big], [big, ...rows(3)], rows(3)];
    expect(cutAll(chunks, { maxPageBytes: 1_000, resume })).toEqual({ pages: [[rows(1)], [rows(3, 3)]], tooLarge: 1 });
  });

  it('cuts alike however the records arrive and whoever goes on, within the limit with all that is carried', () => {
    const order = fc.option(fc.nat(2), { nil: null });
    const row = fc.record({ order, text: fc.nat(300).map((size) => 'x'.repeat(size)) });
    const limits = { pageSize: 3, maxPageBytes: 900 };
    fc.assert(
      fc.property(fc.array(row, { maxLength: 40 }), fc.integer({ min: 1, max: 7 }), (all, size) => {
        const chunks: Row[][] = [];
        for (let at = 0; at < all.length; at += size) chunks.push(all.slice(at, at + size));
        const whole = cutAll([all], limits);
        expect(cutAll(chunks, { ...limits, resume: true })).toEqual(whole);
        expect(whole.pages.every((page) => page.length <= 3 && exactJsonBytes(page) <= 1_000)).toBe(true);
        const cutter = new GroupCutter(keyOf, 3, 900, []);
        for (const chunk of chunks) {
          cutter.push(chunk, 0, false);
          expect(exactJsonBytes(cutter.carried.filter((group) => !isRecord(group)))).toBeLessThanOrEqual(1_000);
        }
      }),
    );
  });
});
