import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { LookupOutcome, PreparedRecord } from '#engine';
import type { Export, JsonValue } from '#model';
import { httpAdaptor } from './index.js';
import { HttpTestBed, ids } from '../testing/http-test-bed.js';

let bed: HttpTestBed;
beforeEach(async () => {
  bed = await HttpTestBed.start();
});
afterEach(() => bed.stop());

async function lookup(
  http: NonNullable<Export['http']>,
  records: readonly JsonValue[],
  options: { step?: Partial<Export>; mapped?: readonly JsonValue[] } = {},
): Promise<readonly LookupOutcome[]> {
  const step = { _id: 'lookup1', name: 'lookup', isLookup: true, ...options.step, http } as Export & { _id: string };
  const prepared: PreparedRecord[] = records.map((record, index) => ({
    index,
    record,
    mapped: options.mapped?.[index] ?? record,
  }));
  return httpAdaptor.createLookup(step, bed.host).lookup(prepared, bed.context());
}

it('asks once per record and keeps the order', async () => {
  bed.app.answer(({ query }) => ({ body: [{ found: query.get('id') }] }));
  const outcomes = await lookup({ relativeURI: '/r?id={{record.id}}' }, ids(1, 5));
  expect(outcomes).toEqual(['1', '2', '3', '4', '5'].map((found) => ({ statusCode: 200, data: [{ found }] })));
});

it.each(['/r/{{id}}', '/r/{{data.id}}', '/r/{{record.id}}'])('%s reaches the record', async (relativeURI) => {
  bed.app.answer({ body: [] });
  await lookup({ relativeURI }, [{ id: 'x' }]);
  expect(bed.app.requests[0]?.path).toBe('/r/x');
});

it('no match is success', async () => {
  bed.app.answer({ body: [] });
  expect(await lookup({ relativeURI: '/r' }, ids(1, 1))).toEqual([{ statusCode: 200, data: [] }]);
});

it('merges the pages of an answer', async () => {
  bed.app.answer(({ query }) => ({
    body: Number(query.get('p')) < 3 ? ids(Number(query.get('p')), Number(query.get('p'))) : [],
  }));
  const outcomes = await lookup(
    { relativeURI: '/r?p={{export.http.paging.page}}', paging: { method: 'page', page: 1 } },
    ids(1, 1),
  );
  expect(outcomes).toEqual([{ statusCode: 200, data: ids(1, 2) }]);
});

it('refuses more than 5 MB for one record', async () => {
  bed.app.answer(({ query }) => ({ body: [{ p: query.get('p'), v: 'x'.repeat(3_000_000) }] }));
  const outcomes = await lookup(
    { relativeURI: '/r?p={{export.http.paging.page}}', paging: { method: 'page' } },
    ids(1, 1),
  );
  expect(outcomes).toMatchObject([
    { statusCode: 422, data: [], failures: [{ code: 'response_size_exceeded', source: 'lookup' }] },
  ]);
});

it('one failing record fails alone', async () => {
  bed.app.answer(({ path }) => (path === '/r/2' ? { status: 422, body: 'no' } : { body: [{ ok: 1 }] }));
  const outcomes = await lookup({ relativeURI: '/r/{{record.id}}' }, [{ id: 1 }, { id: 2 }, {}]);
  expect(outcomes).toMatchObject([
    { statusCode: 200, data: [{ ok: 1 }] },
    { statusCode: 422, failures: [{ code: '422' }] },
    { statusCode: 422, failures: [{ code: 'handlebars_template_parse_error' }] },
  ]);
});

it('sends the mapped record as the body, the address over the record itself', async () => {
  bed.app.answer({ body: [] });
  const step = { mappings: [{ extract: '$.id', generate: 'q', dataType: 'string' as const }] };
  await lookup({ method: 'POST', relativeURI: '/r/{{record.id}}' }, [{ id: 1 }], { step, mapped: [{ q: '1' }] });
  expect(bed.app.requests[0]).toMatchObject({ path: '/r/1', json: { q: '1' } });
});

it('a body template renders over the mapped record', async () => {
  bed.app.answer({ body: [] });
  await lookup({ method: 'POST', relativeURI: '/r/{{record.id}}', body: '{"q":"{{record.q}}"}' }, [{ id: 1 }], {
    mapped: [{ q: '1' }],
  });
  expect(bed.app.requests[0]).toMatchObject({ path: '/r/1', json: { q: '1' } });
});
