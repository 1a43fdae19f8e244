import { describe, expect, it } from '@jest/globals';
import { decodePages, type PageHeader } from '#contracts';
import type { JsonValue } from '#model';
import { ResidentPages, type ParsedPage } from '../workers/resident-pages.js';
import { BundleEncoder, bundleBytes, maxPageBytes } from './bundle-encoder.js';

const base: Omit<PageHeader, 'pages' | 'records' | 'encoding'> = {
  v: 1,
  runId: 'a'.repeat(24),
  accountId: 'b'.repeat(24),
  flowId: 'c'.repeat(24),
  planId: 'plan',
  exportId: 'd'.repeat(24),
  ordinal: 0,
  position: 0,
};

const pageOf = (page: number, records: readonly JsonValue[]): ParsedPage => ({
  page,
  records: records.map((record, index) => ({ index, record })),
});

function encoder(): BundleEncoder {
  const resident = new ResidentPages(0, () => 0);
  return new BundleEncoder(
    base,
    resident,
    (firstPage) => `p${firstPage}`,
    () => undefined,
  );
}

const decoded = (pages: BundleEncoder): unknown[] =>
  pages.finish().map(({ body, header }) => decodePages(body, header.encoding));

describe('a bundle', () => {
  const records: JsonValue[] = [{ id: 1, name: 'Zoë' }, { id: 2 }, 'text', null];

  it.each([
    ['compact', JSON.stringify(records)],
    ['pretty', `${JSON.stringify(records, null, 2)}\n`],
  ])('takes the text of a page that is a response, %s, and reads the same', (_form, text) => {
    const [made, taken] = [encoder(), encoder()];
    for (const [page, given] of [undefined, Buffer.from(text), undefined].entries()) {
      made.add(pageOf(page, records));
      taken.add(pageOf(page, records), given);
    }
    const expected = [0, 1, 2].map((page) => ({ page, records }));
    expect(decoded(made)).toEqual([expected]);
    expect(decoded(taken)).toEqual([expected]);
  });

  it('is complete at its size, whichever way its pages came', () => {
    const large = ['x'.repeat(bundleBytes / 2)];
    const pages = encoder();
    pages.add(pageOf(0, large), Buffer.from(JSON.stringify(large)));
    pages.add(pageOf(1, large));
    pages.add(pageOf(2, large), Buffer.from(JSON.stringify(large)));
    expect(pages.finish().map(({ header }) => header.pages)).toEqual([[0], [1], [2]]);
  });

  it('measures a page again whose text is larger than a page may be', () => {
    const pages = encoder();
    pages.add(pageOf(0, records), Buffer.from(`[${' '.repeat(maxPageBytes)}${JSON.stringify(records).slice(1)}`));
    expect(pages.bytes).toBeLessThan(1_000);
    expect(decoded(pages)).toEqual([[{ page: 0, records }]]);
  });
});
