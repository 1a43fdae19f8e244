import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Export, JsonValue } from '#model';
import { HttpTestBed, ids } from '../testing/http-test-bed.js';
import { httpAdaptor } from './index.js';

type Once = NonNullable<NonNullable<Export['http']>['once']>;

let bed: HttpTestBed;
beforeEach(async () => {
  bed = await HttpTestBed.start();
});
afterEach(() => bed.stop());

const writerOf = (once: Once | undefined, http: Partial<NonNullable<Export['http']>> = {}) =>
  httpAdaptor.createFlagWriter!({ _id: 'export1', name: 'E', type: 'once', http: { ...http, once } }, bed.host);

async function mark(once: Once, records: readonly JsonValue[], http: Partial<NonNullable<Export['http']>> = {}) {
  const prepared = records.map((record, index) => ({ index, record, mapped: record }));
  return writerOf(once, http).submit({ generator: 'export1', page: 3 }, prepared, bed.context({ stepId: 'export1' }));
}

describe('http.once (runtime §3, resources §4.4)', () => {
  it('is one request per record, rendered over the record', async () => {
    bed.app.answer({ body: {} });
    const once: Once = { relativeURI: '/o/{{record.id}}', method: 'PATCH', body: '{"id":{{record.id}},"sent":true}' };
    const outcomes = await mark(once, ids(1, 2), { headers: [{ name: 'X-Version', value: '7' }] });
    expect(outcomes).toMatchObject([{ statusCode: 200 }, { statusCode: 200 }]);
    const sent = bed.app.requests.toSorted((a, b) => a.path.localeCompare(b.path));
    expect(sent).toMatchObject([
      { method: 'PATCH', path: '/o/1', json: { id: 1, sent: true }, headers: { 'x-version': '7' } },
      { method: 'PATCH', path: '/o/2', json: { id: 2, sent: true } },
    ]);
  });

  it.each<[Once, string]>([
    [{ relativeURI: '/o' }, 'PUT'],
    [{ relativeURI: '/o', method: 'GET' }, 'GET'],
    [{ relativeURI: '/o', method: 'DELETE' }, 'DELETE'],
  ])('%j has the method %s, and no body without one', async (once, method) => {
    bed.app.answer({ status: 204, body: '' });
    await mark(once, [{ id: 1, secret: 'x' }]);
    expect(bed.app.requests).toMatchObject([{ method, body: '' }]);
  });

  it('repeated after a crash has the idempotency key of the first time (P2)', async () => {
    bed.app.answer({ body: {} });
    for (const _try of [1, 2]) await mark({ relativeURI: '/o' }, [{ id: 1 }]);
    const keys = bed.app.requests.map(({ headers }) => headers['idempotency-key']);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys[1]).toBe(keys[0]);
  });

  it('that is refused is a failure of its record', async () => {
    bed.app.answer({ status: 404, body: { message: 'gone' } });
    expect(await mark({ relativeURI: '/o' }, [{ id: 1 }])).toMatchObject([
      { failures: [{ code: '404', source: 'application' }] },
    ]);
  });

  it.each<[string, Once | undefined]>([
    ['no request', undefined],
    ['no address', { method: 'PUT' }],
  ])('refuses the run with %s', (_, once) => {
    expect(() => writerOf(once)).toThrow(/http\.once\.relativeURI/);
  });
});
