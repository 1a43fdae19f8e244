import { gzipSync, brotliCompressSync, deflateSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Export, JsonRecord } from '#model';
import type { FakeAnswer } from '#testing/fake-app';
import type { Cursor } from '../ports.js';
import { HttpTestBed, ids } from '../testing/http-test-bed.js';

type HttpExport = NonNullable<Export['http']>;

let bed: HttpTestBed;
beforeEach(async () => {
  bed = await HttpTestBed.start();
});
afterEach(() => bed.stop());

describe('records of an answer', () => {
  const document = {
    data: {
      items: [
        { id: 1, qty: 5 },
        { id: 2, qty: 1 },
      ],
      meta: 'm',
    },
    orders: [{ lines: [{ sku: 'a' }] }, { lines: [{ sku: 'b' }, { sku: 'c' }] }],
  };
  it.each<[string, unknown, HttpExport, unknown]>([
    ['a bare array', ids(1, 2), {}, ids(1, 2)],
    ['one object', { id: 1 }, {}, [{ id: 1 }]],
    ['a dot path', document, { response: { resourcePath: 'data.items' } }, document.data.items],
    [
      'JSONPath with a filter',
      document,
      { response: { resourcePath: '$.data.items[?(@.qty>3)]' } },
      [{ id: 1, qty: 5 }],
    ],
    [
      'JSONPath through arrays',
      document,
      { response: { resourcePath: '$.orders[*].lines' } },
      [{ sku: 'a' }, { sku: 'b' }, { sku: 'c' }],
    ],
    ['a union', { a: [{ id: 1 }], b: [{ id: 2 }] }, { response: { resourcePath: "$['a','b'][*]" } }, ids(1, 2)],
    ['a path to nothing', document, { response: { resourcePath: 'none.here' } }, []],
    [
      'parent data',
      document,
      { response: { resourcePath: 'data.items', includeParentData: true } },
      [
        { id: 1, qty: 5, _PARENT: { meta: 'm' } },
        { id: 2, qty: 1, _PARENT: { meta: 'm' } },
      ],
    ],
    [
      'rows with a header',
      [
        ['a', 'b'],
        [1, 2],
      ],
      { response: { twoDArray: { hasHeader: true } } },
      [{ a: 1, b: 2 }],
    ],
    ['rows without a header', [[1, 2]], { response: { twoDArray: {} } }, [{ Column0: 1, Column1: 2 }]],
    ['rows as they are', [[1, 2]], { response: { twoDArray: { doNotNormalize: true } } }, [[1, 2]]],
  ])('%s', async (_what, body, http, records) => {
    bed.app.answer({ body });
    expect(await bed.read(http)).toMatchObject({ records, failure: null });
  });

  it.each<[string, FakeAnswer, HttpExport, boolean]>([
    ['a bare array', { body: ids(1, 2) }, {}, true],
    [
      'an array with a charset',
      { body: ids(1, 2), headers: { 'content-type': 'text/json; charset="UTF-8"' } },
      {},
      true,
    ],
    ['another charset', { body: ids(1, 2), headers: { 'content-type': 'text/json; charset=latin1' } }, {}, false],
    ['an array inside', { body: { items: ids(1, 2) } }, { response: { resourcePath: 'items' } }, false],
    ['rows turned into records', { body: [['a'], [1]] }, { response: { twoDArray: { hasHeader: true } } }, false],
    ['CSV', { body: '[a]\n1\n', headers: { 'content-type': 'text/csv' } }, {}, false],
  ])('come with their text where the answer is just that: %s', async (_what, answer, http, hasText) => {
    bed.app.answer(answer);
    const { chunks } = await bed.read(http);
    expect(chunks).toHaveLength(1);
    const { text, records } = chunks[0]!;
    expect(text === undefined ? null : JSON.parse(Buffer.from(text).toString())).toEqual(hasText ? records : null);
  });

  it('reads CSV by its content type', async () => {
    bed.app.answer({ headers: { 'content-type': 'text/csv' }, body: 'id,name\n1,"a,b"\n' });
    expect((await bed.read({})).records).toEqual([{ id: '1', name: 'a,b' }]);
  });
});

describe('odd answers (decision 14)', () => {
  it.each<[string, FakeAnswer, unknown]>([
    ['204', { status: 204 }, []],
    ['an empty body', { body: '' }, []],
    ['white space only', { body: ' \n' }, []],
    ['JSON under another content type', { headers: { 'content-type': 'text/html' }, body: '[{"id":1}]' }, ids(1, 1)],
    ['a byte order mark', { body: '\ufeff[{"id":1}]' }, ids(1, 1)],
    ['UTF-16', { body: Buffer.from('\ufeff[{"id":1}]', 'utf16le') }, ids(1, 1)],
    [
      'Latin-1',
      {
        headers: { 'content-type': 'application/json; charset=iso-8859-1' },
        body: Buffer.from('[{"n":"é"}]', 'latin1'),
      },
      [{ n: 'é' }],
    ],
    ['gzip', { headers: { 'content-encoding': 'gzip' }, body: gzipSync('[{"id":1}]') }, ids(1, 1)],
    ['deflate', { headers: { 'content-encoding': 'deflate' }, body: deflateSync('[{"id":1}]') }, ids(1, 1)],
    ['brotli', { headers: { 'content-encoding': 'br' }, body: brotliCompressSync('[{"id":1}]') }, ids(1, 1)],
    ['zstd', { headers: { 'content-encoding': 'zstd' }, body: zstdCompressSync('[{"id":1}]') }, ids(1, 1)],
  ])('%s', async (_what, answer, records) => {
    bed.app.answer(answer);
    expect(await bed.read({})).toMatchObject({ records, failure: null });
  });

  it.each<[string, FakeAnswer, object]>([
    [
      'HTML',
      { headers: { 'content-type': 'text/html' }, body: '<html>login</html>' },
      { code: 'parse_error', source: 'resource', classification: 'parse' },
    ],
    ['half a JSON', { body: '[{"id":1},{"id"' }, { code: 'parse_error', source: 'resource', classification: 'parse' }],
    [
      'damaged gzip',
      { headers: { 'content-encoding': 'gzip' }, body: 'no gzip' },
      { code: 'parse_error', source: 'resource' },
    ],
    [
      'a gzip bomb',
      { headers: { 'content-encoding': 'gzip' }, body: gzipSync(Buffer.alloc(65 * 1024 * 1024)) },
      { code: 'response_too_large' },
    ],
    ['404 without paging', { status: 404, body: { error: 'no' } }, { code: '404', source: 'application' }],
    ['401', { status: 401 }, { code: '401', source: 'connection', classification: 'connection' }],
    ['422', { status: 422, body: 'bad' }, { code: '422', source: 'application' }],
  ])('%s is a failure', async (_what, answer, failure) => {
    bed.app.answer(answer);
    expect(await bed.read({})).toMatchObject({ records: [], failure });
  });

  it('shows the beginning of what cannot be parsed, and keeps the exchange', async () => {
    bed.app.answer({ body: `<html>${'x'.repeat(20_000)}` });
    const { failure } = await bed.read({ relativeURI: '/a?b=1' });
    expect(failure?.message).toContain('<html>xxx');
    expect(failure?.message.length).toBeLessThan(1000);
    expect(failure?.exchange).toMatchObject({ method: 'GET', url: `${bed.app.url}/a?b=1`, status: 200 });
    expect(failure?.exchange?.responseBody).toHaveLength(8192);
  });

  it('goes on without a record over 5 MB', async () => {
    bed.app.answer({ body: [{ id: 1 }, { id: 2, blob: 'x'.repeat(5 * 1024 * 1024) }, { id: 3 }] });
    const { records, chunks, failure } = await bed.read({});
    expect(failure).toBeNull();
    expect(records).toEqual([{ id: 1 }, { id: 3 }]);
    expect(chunks[0]?.failures).toMatchObject([
      { code: 'record_too_large', source: 'internal', classification: 'too_large' },
    ]);
  });
});

describe('success and failure rules', () => {
  it.each<[string, unknown, HttpExport['response'], string | null]>([
    ['success path resolves', { ok: false, r: 1 }, { successPath: 'ok' }, null],
    [
      'success path is missing',
      { r: 1 },
      { successPath: 'ok' },
      'Unable to extract paths from response body using path: ok',
    ],
    ['success value matches as text', { ok: true }, { successPath: 'ok', successValues: ['true'] }, null],
    [
      'success value differs',
      { ok: false },
      { successPath: 'ok', successValues: ['true'] },
      'The success path ok holds the unexpected value false.',
    ],
    [
      'an array element matches when allowed',
      { s: ['x', 'ok'] },
      { successPath: 's', successValues: ['ok'], allowArrayforSuccessPath: true },
      null,
    ],
    [
      'an array does not match otherwise',
      { s: ['ok'] },
      { successPath: 's', successValues: ['ok'] },
      'The success path s holds the unexpected value ["ok"].',
    ],
    [
      'fail value matches',
      { status: 'error' },
      { failPath: 'status', failValues: ['error'] },
      'The fail path status holds error.',
    ],
    ['fail path holds something', { errors: [1] }, { failPath: 'errors' }, 'The fail path errors holds a value.'],
    ['fail path is empty', { errors: [] }, { failPath: 'errors' }, null],
    [
      'error path picks the message',
      { status: 'error', why: 'because' },
      { failPath: 'status', failValues: ['error'], errorPath: 'why' },
      'because',
    ],
  ])('%s', async (_what, body, response, message) => {
    bed.app.answer({ body });
    const { failure } = await bed.read({ response });
    if (message === null) expect(failure).toBeNull();
    else expect(failure).toMatchObject({ code: 'response_failure', source: 'application', message });
  });
});

describe('paging', () => {
  const pages = (...counts: number[]): JsonRecord[][] => {
    let from = 1;
    return counts.map((count) => {
      const page = ids(from, from + count - 1);
      from += count;
      return page;
    });
  };

  it.each<[string, HttpExport, FakeAnswer[], { paths: string[]; records: number }]>([
    ['no method: one request', { relativeURI: '/r' }, [{ body: ids(1, 2) }], { paths: ['/r'], records: 2 }],
    [
      'page: until an empty page',
      { relativeURI: '/r?p={{export.http.paging.page}}', paging: { method: 'page', page: 1 } },
      [{ body: pages(2, 2)[0] }, { body: pages(2, 2)[1] }, { body: [] }],
      { paths: ['/r?p=1', '/r?p=2', '/r?p=3'], records: 4 },
    ],
    [
      'page: starts at 0',
      { relativeURI: '/r?p={{export.http.paging.page}}', paging: { method: 'page' } },
      [{ body: ids(1, 1) }, { body: [] }],
      { paths: ['/r?p=0', '/r?p=1'], records: 1 },
    ],
    [
      'page: 404 ends',
      { relativeURI: '/r?p={{export.http.paging.page}}', paging: { method: 'page' } },
      [{ body: ids(1, 1) }, { status: 404 }],
      { paths: ['/r?p=0', '/r?p=1'], records: 1 },
    ],
    [
      'page: lastPageStatusCode instead of 404',
      { relativeURI: '/r?p={{export.http.paging.page}}', paging: { method: 'page', lastPageStatusCode: 416 } },
      [{ body: ids(1, 1) }, { status: 416 }],
      { paths: ['/r?p=0', '/r?p=1'], records: 1 },
    ],
    [
      'page: maxPagePath',
      {
        relativeURI: '/r?p={{export.http.paging.page}}',
        paging: { method: 'page', maxPagePath: 'pages', maxCountPath: 'none' },
        response: { resourcePath: 'd' },
      },
      [{ body: { pages: 2, d: ids(1, 1) } }, { body: { pages: 2, d: ids(2, 2) } }],
      { paths: ['/r?p=0', '/r?p=1'], records: 2 },
    ],
    [
      'page: maxCountPath',
      {
        relativeURI: '/r?p={{export.http.paging.page}}',
        paging: { method: 'page', maxCountPath: 'total' },
        response: { resourcePath: 'd' },
      },
      [{ body: { total: 3, d: ids(1, 2) } }, { body: { total: 3, d: ids(3, 3) } }],
      { paths: ['/r?p=0', '/r?p=1'], records: 3 },
    ],
    [
      'page: lastPagePath, its records kept',
      {
        relativeURI: '/r?p={{export.http.paging.page}}',
        paging: { method: 'page', lastPagePath: 'more', lastPageValues: ['false'] },
        response: { resourcePath: 'd' },
      },
      [{ body: { more: true, d: ids(1, 1) } }, { body: { more: false, d: ids(2, 2) } }],
      { paths: ['/r?p=0', '/r?p=1'], records: 2 },
    ],
    [
      'page: lastPageValues know null and empty',
      {
        relativeURI: '/r?p={{export.http.paging.page}}',
        paging: { method: 'page', lastPagePath: 'next', lastPageValues: ['null', ''] },
        response: { resourcePath: 'd' },
      },
      [{ body: { d: ids(1, 1) } }, { body: { next: 'x', d: ids(2, 2) } }, { body: { next: null, d: ids(3, 3) } }],
      { paths: ['/r?p=0', '/r?p=1', '/r?p=2'], records: 3 },
    ],
    [
      'skip: adds what came',
      { relativeURI: '/r?s={{export.http.paging.skip}}', paging: { method: 'skip', skip: 10 } },
      [{ body: pages(3, 2)[0] }, { body: pages(3, 2)[1] }, { body: [] }],
      { paths: ['/r?s=10', '/r?s=13', '/r?s=15'], records: 5 },
    ],
    [
      'token in the body',
      {
        relativeURI: '/r?t={{export.http.paging.token}}',
        paging: { method: 'token', path: 'next' },
        response: { resourcePath: 'd' },
      },
      [{ body: { next: 'a b', d: ids(1, 1) } }, { body: { next: '', d: ids(2, 2) } }],
      { paths: ['/r?t=', '/r?t=a%20b'], records: 2 },
    ],
    [
      'token: initial, and another path later',
      {
        relativeURI: '/r?t={{export.http.paging.token}}',
        paging: { method: 'token', token: 'start', path: 'first', pathAfterFirstRequest: 'later' },
        response: { resourcePath: 'd' },
      },
      [
        { body: { first: 1, d: ids(1, 1) } },
        { body: { first: 9, later: 2, d: ids(2, 2) } },
        { body: { first: 9, d: ids(3, 3) } },
      ],
      { paths: ['/r?t=start', '/r?t=1', '/r?t=2'], records: 3 },
    ],
    [
      'token in a header',
      {
        relativeURI: '/r?t={{export.http.paging.token}}',
        paging: { method: 'token', path: 'X-Next', pathLocation: 'header' },
      },
      [{ headers: { 'x-next': 'q' }, body: ids(1, 1) }, { body: ids(2, 2) }],
      { paths: ['/r?t=', '/r?t=q'], records: 2 },
    ],
    [
      'token: an empty page with a new token goes on',
      {
        relativeURI: '/r?t={{export.http.paging.token}}',
        paging: { method: 'token', path: 'next' },
        response: { resourcePath: 'd' },
      },
      [{ body: { next: '1', d: [] } }, { body: { next: '2', d: ids(1, 1) } }, { body: { d: [] } }],
      { paths: ['/r?t=', '/r?t=1', '/r?t=2'], records: 1 },
    ],
    [
      'url',
      { relativeURI: '/r', paging: { method: 'url', path: 'next' }, response: { resourcePath: 'd' } },
      [{ body: { next: '/r?c=2', d: ids(1, 1) } }, { body: { next: null, d: ids(2, 2) } }],
      { paths: ['/r', '/r?c=2'], records: 2 },
    ],
    [
      'linkheader',
      { relativeURI: '/r', paging: { method: 'linkheader' } },
      [
        { headers: { link: '</first>; rel="first", </r?n=2>; rel="last next"' }, body: ids(1, 1) },
        { headers: { link: '</first>; rel="first"' }, body: ids(2, 2) },
      ],
      { paths: ['/r', '/r?n=2'], records: 2 },
    ],
    [
      'linkheader: another relation, case sensitive',
      { relativeURI: '/r', paging: { method: 'linkheader', linkHeaderRelation: 'Next' } },
      [{ headers: { link: '</a>; rel=next, </b>; rel=Next' }, body: ids(1, 1) }, { body: ids(2, 2) }],
      { paths: ['/r', '/b'], records: 2 },
    ],
    [
      'relativeuri',
      {
        relativeURI: '/r',
        paging: { method: 'relativeuri', relativeURI: '/r?after={{previous_page.last_record.id}}' },
      },
      [{ body: ids(1, 2) }, { body: ids(3, 4) }, { body: [] }],
      { paths: ['/r', '/r?after=2', '/r?after=4'], records: 4 },
    ],
    [
      'relativeuri: an empty template ends',
      {
        relativeURI: '/r',
        paging: {
          method: 'relativeuri',
          relativeURI: '{{#if previous_page.full_response.more}}/r?p={{previous_page.headers.x-page}}{{/if}}',
        },
        response: { resourcePath: 'd' },
      },
      [{ headers: { 'X-Page': '7' }, body: { more: true, d: ids(1, 1) } }, { body: { more: false, d: ids(2, 2) } }],
      { paths: ['/r', '/r?p=7'], records: 2 },
    ],
    [
      'paging.relativeURI overrides other methods',
      { relativeURI: '/r', paging: { method: 'page', relativeURI: '/more/{{export.http.paging.page}}' } },
      [{ body: ids(1, 1) }, { body: [] }],
      { paths: ['/r', '/more/1'], records: 1 },
    ],
    [
      'paging.resourcePath after page 1',
      {
        relativeURI: '/r',
        paging: { method: 'token', path: 't', resourcePath: 'later' },
        response: { resourcePath: 'first' },
      },
      [{ body: { t: 'x', first: ids(1, 1) } }, { body: { later: ids(2, 2) } }],
      { paths: ['/r', '/r'], records: 2 },
    ],
  ])('%s', async (_what, http, answers, expected) => {
    bed.app.answerInTurn(...answers);
    const { records, failure } = await bed.read(http);
    expect(failure).toBeNull();
    expect(bed.app.requests.map(({ path, query }) => (query.size > 0 ? `${path}?${decodeLess(query)}` : path))).toEqual(
      expected.paths,
    );
    expect(records).toEqual(ids(1, expected.records));
  });

  const decodeLess = (query: URLSearchParams): string => query.toString().replaceAll('+', '%20');

  it('body: renders paging.body over the previous page, merged when asked', async () => {
    bed.app.answerInTurn({ body: ids(1, 1) }, { body: [] });
    await bed.read({
      method: 'POST',
      relativeURI: '/q',
      body: '{"size":2,"cursor":null}',
      paging: {
        method: 'body',
        body: '{"cursor":"{{previous_page.last_record.id}}"}',
        mergeBodyParamsToPagingBody: true,
      },
    });
    expect(bed.app.requests.map(({ json }) => json)).toEqual([
      { size: 2, cursor: null },
      { size: 2, cursor: '1' },
    ]);
  });

  it('goes on from the cursor of any response, in another process', async () => {
    const http: HttpExport = {
      relativeURI: '/r?t={{export.http.paging.token}}',
      paging: { method: 'token', path: 'next' },
      response: { resourcePath: 'd' },
    };
    const all = [1, 2, 3, 4].map((n) => ({ next: n < 4 ? `t${n}` : '', d: ids(n, n) }));
    bed.app.answer(({ query }) => ({ body: all[Number(query.get('t')?.slice(1) ?? 0)] ?? all[0] }));
    const whole = await bed.read(http);
    expect(whole.records).toEqual(ids(1, 4));
    for (const [index, chunk] of whole.chunks.entries()) {
      if (chunk.next === null) continue;
      const cursor = JSON.parse(JSON.stringify(chunk.next)) as Cursor;
      expect((await bed.read(http, { cursor })).records).toEqual(ids(index + 2, 4));
    }
  });

  it('stops at two identical pages and drops the second (decision 13)', async () => {
    bed.app.answer({ body: ids(1, 2) });
    const { records, failure } = await bed.read({ paging: { method: 'page' } });
    expect(records).toEqual(ids(1, 2));
    expect(failure).toMatchObject({ code: 'endless_paging' });
    expect(bed.app.requests).toHaveLength(2);
  });

  it('compares the bodies themselves when a checksum is the same', async () => {
    // These differ, and have one CRC-32.
    const bodies = ['["plumless"]', '["buckeroo"]', '[]'];
    bed.app.answer(({ query }) => ({ body: bodies[Number(query.get('p'))] ?? '[]' }));
    const { records, failure } = await bed.read({
      relativeURI: '/items?p={{export.http.paging.page}}',
      paging: { method: 'page' },
    });
    expect({ records, failure }).toEqual({ records: ['plumless', 'buckeroo'], failure: null });
  });

  it('404 on the first page is no records when the method pages (decision 14)', async () => {
    bed.app.answer({ status: 404 });
    expect(await bed.read({ paging: { method: 'page' } })).toMatchObject({ records: [], failure: null });
    expect(await bed.read({ paging: { method: 'page', lastPageStatusCode: 410 } })).toMatchObject({
      failure: { code: '404' },
    });
  });

  it('hands over what it could read before a later page failed', async () => {
    bed.app.answerInTurn({ body: ids(1, 2) }, { status: 400, body: 'no' });
    const { records, failure } = await bed.read({ paging: { method: 'page' } });
    expect(records).toEqual(ids(1, 2));
    expect(failure).toMatchObject({ code: '400', source: 'application' });
  });

  it('sends no credentials to a next address of another origin', async () => {
    const other = await HttpTestBed.start();
    other.app.answer({ body: { d: ids(2, 2) } });
    bed.app.answer({ body: { next: `${other.app.url}/more`, d: ids(1, 1) } });
    const secured = bed.reconnect({
      auth: { type: 'token', token: { token: 'topsecret' } },
      headers: [{ name: 'X-Key', value: 'k' }],
    });
    const { records } = await secured.read({
      paging: { method: 'url', path: 'next' },
      response: { resourcePath: 'd' },
    });
    expect(records).toEqual(ids(1, 2));
    expect(bed.app.requests[0]?.headers).toMatchObject({ authorization: 'Bearer topsecret', 'x-key': 'k' });
    expect(other.app.requests[0]?.headers).not.toHaveProperty('authorization');
    expect(other.app.requests[0]?.headers).not.toHaveProperty('x-key');
    await other.stop();
  });
});

describe('repeats (decision 11)', () => {
  it.each([408, 429, 500, 502, 503, 504])('%i is tried five times in all', async (status) => {
    bed.app.answer({ status });
    const { failure } = await bed.read({});
    expect(failure).toMatchObject({ code: String(status), source: 'application' });
    expect(bed.app.requests).toHaveLength(5);
    expect(bed.host.clock.sleeps).toEqual([500, 1000, 2000, 4000]); // half of 1, 2, 4, 8 s: jitter is fixed at 0.5
  });

  it.each([400, 401, 403, 404, 422])('%i is tried once', async (status) => {
    bed.app.answer({ status });
    await bed.read({});
    expect(bed.app.requests).toHaveLength(1);
  });

  it('a broken connection is tried again', async () => {
    bed.app.answerInTurn({ reset: true }, { body: ids(1, 1) });
    expect((await bed.read({})).records).toEqual(ids(1, 1));
  });

  it.each([
    ['7', 7_000],
    ['0', 0],
    ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
    ['4000', 300_000],
    ['soon', 500],
  ])('Retry-After %s waits %i ms and holds the connection back', async (value, pauseMs) => {
    bed.app.answerInTurn({ status: 429, headers: { 'retry-after': value } }, { body: [] });
    await bed.read({});
    expect(bed.host.clock.sleeps).toEqual([pauseMs]);
    expect(bed.host.limits.throttles).toEqual([{ connectionId: 'connection1', pauseMs }]);
  });

  it('429 uses up no try while the connection makes progress', async () => {
    let refused = 0;
    bed.app.answer(({ path }) =>
      path === '/slow' && refused++ < 20 ? { status: 429, headers: { 'retry-after': '1' } } : { body: ids(1, 1) },
    );
    const working: typeof bed.host.clock.sleep = bed.host.clock.sleep.bind(bed.host.clock);
    bed.host.clock.sleep = async (ms, signal) => {
      await bed.read({ relativeURI: '/fast' }); // something else on the connection succeeds meanwhile
      return working(ms, signal);
    };
    expect(await bed.read({ relativeURI: '/slow' })).toMatchObject({ failure: null });
    expect(refused).toBe(21);
  });

  it('a rate limit told in the body is one too', async () => {
    const limited = bed.reconnect({
      rateLimit: { failPath: 'error', failValues: ['slow_down'] },
      retryHeader: 'X-Wait',
    });
    bed.app.answerInTurn(
      { status: 200, headers: { 'x-wait': '3' }, body: { error: 'slow_down' } },
      { body: { ok: 1 } },
    );
    expect((await limited.read({})).records).toEqual([{ ok: 1 }]);
    expect(bed.host.clock.sleeps).toEqual([3000]);
  });

  it('releases its permit after every try and reports every call', async () => {
    bed.app.answerInTurn({ status: 500 }, { body: [] });
    await bed.read({});
    expect(bed.host.limits.held).toBe(0);
    expect(bed.host.calls.map(({ status, target, system }) => [status, target, system])).toEqual([
      [500, `127.0.0.1:${bed.app.port}`, 'http'],
      [200, `127.0.0.1:${bed.app.port}`, 'http'],
    ]);
  });

  it('a cancel ends the waiting', async () => {
    const abort = new AbortController();
    bed.app.answer(() => {
      abort.abort();
      return { status: 503 };
    });
    expect(await bed.read({}, { context: bed.context({ signal: abort.signal }) })).toMatchObject({
      failure: { code: 'canceled' },
    });
    expect(bed.app.requests).toHaveLength(1);
  });
});

describe('an application that cannot be reached', () => {
  it.each<[string, Partial<NonNullable<typeof bed.connection.http>>, object]>([
    [
      'refused',
      { baseURI: 'http://127.0.0.1:1' },
      { code: 'connection_refused', source: 'connection', classification: 'connection' },
    ],
    [
      'unknown host',
      { baseURI: 'http://no-such-host.invalid' },
      { source: 'connection', classification: 'connection' },
    ],
    ['no URL', { baseURI: 'nonsense' }, { code: 'invalid_url', source: 'resource' }],
    ['another scheme', { baseURI: 'file:///etc/passwd' }, { code: 'invalid_url', source: 'resource' }],
  ])('%s', async (_what, http, failure) => {
    expect((await bed.reconnect(http).read({})).failure).toMatchObject(failure);
  });

  it.each([
    'http://127.0.0.1',
    'http://[::1]',
    'http://localhost',
    'http://2130706433',
    'http://0x7f.1',
    'http://0177.0.0.1',
    'http://[::ffff:127.0.0.1]',
    'http://169.254.169.254',
    'http://0',
  ])('refuses %s when nothing private is allowed (decision 20)', async (origin) => {
    const closed = await HttpTestBed.start({ baseURI: `${origin}:${bed.app.port}` }, { egressAllow: [] });
    bed.app.answer({ body: ids(1, 1) });
    expect((await closed.read({})).failure).toMatchObject({ code: 'egress_refused', source: 'connection' });
    expect(bed.app.requests).toHaveLength(0);
    await closed.stop();
  });

  it('times out on the first byte', async () => {
    bed.app.answer({ hang: true });
    const { failure } = await bed.read({ timeoutSeconds: 0.05 });
    expect(failure).toMatchObject({ code: 'timeout', source: 'application', classification: 'intermittent' });
    expect(bed.app.requests).toHaveLength(5);
  });
});

describe('redirects (decision 13)', () => {
  it('are followed within the origin, with credentials', async () => {
    bed.app.answer(({ path }) =>
      path === '/a' ? { status: 302, headers: { location: '/b?x=1' } } : { body: ids(1, 1) },
    );
    const secured = bed.reconnect({ auth: { type: 'basic', basic: { username: 'u', password: 'p' } } });
    expect((await secured.read({ relativeURI: '/a' })).records).toEqual(ids(1, 1));
    expect(bed.app.requests[1]?.headers.authorization).toBe(`Basic ${btoa('u:p')}`);
  });

  it('leave credentials behind at another origin', async () => {
    const other = await HttpTestBed.start();
    other.app.answer({ body: ids(1, 1) });
    bed.app.answer({ status: 307, headers: { location: other.app.url } });
    const secured = bed.reconnect({ auth: { type: 'token', token: { token: 'topsecret', headerName: 'X-Token' } } });
    expect((await secured.read({ headers: [{ name: 'Cookie', value: 'sid=1' }] })).records).toEqual(ids(1, 1));
    expect(other.app.requests[0]?.headers).not.toHaveProperty('x-token');
    expect(other.app.requests[0]?.headers).not.toHaveProperty('cookie');
    await other.stop();
  });

  it('leave Authorization behind when the connection says so', async () => {
    bed.app.answer(({ path }) => (path === '/a' ? { status: 302, headers: { location: '/b' } } : { body: [] }));
    const secured = bed.reconnect({
      auth: { type: 'token', token: { token: 't0ken' }, skipFollowAuthorizationHeader: true },
    });
    await secured.read({ relativeURI: '/a' });
    expect(bed.app.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer t0ken', undefined]);
  });

  it.each([
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [303, 'PUT', 'GET'],
    [307, 'POST', 'POST'],
    [308, 'PUT', 'PUT'],
  ] as const)('%i turns %s into %s', async (status, method, after) => {
    bed.app.answer(({ path }) => (path === '/a' ? { status, headers: { location: '/b' } } : { body: [] }));
    await bed.read({ relativeURI: '/a', method, body: '{"q":1}' });
    expect(bed.app.requests[1]).toMatchObject({ method: after, body: after === 'GET' ? '' : '{"q":1}' });
  });

  it('end after five, or after maxRedirects', async () => {
    bed.app.answer({ status: 302, headers: { location: '/again' } });
    expect((await bed.read({})).failure).toMatchObject({ code: 'too_many_redirects' });
    expect(bed.app.requests).toHaveLength(6);
    bed.app.clear();
    await bed.read({ maxRedirects: 2 });
    expect(bed.app.requests).toHaveLength(3);
  });

  it('are checked by the network policy, hop by hop', async () => {
    bed.app.answer({ status: 302, headers: { location: 'http://169.254.169.254/latest/meta-data' } });
    expect((await bed.read({})).failure).toMatchObject({ code: 'egress_refused' });
  });

  it('are the answer when they are not to be followed', async () => {
    bed.app.answer({ status: 302, headers: { location: '/b' }, body: { moved: true } });
    expect((await bed.read({ followRedirects: false })).records).toEqual([{ moved: true }]);
  });
});

describe('templates', () => {
  it('render delta windows, settings and the connection', async () => {
    const other = bed.reconnect({
      baseURI: `${bed.app.url}/{{connection.http.unencrypted.tenant}}`,
      unencrypted: { tenant: 'acme' },
      encrypted: { key: 's3cr3t' },
      auth: { type: 'custom' },
      headers: [
        { name: 'X-Key', value: '{{{connection.http.encrypted.key}}}' },
        { name: 'X-Over', value: 'connection' },
      ],
    });
    bed.app.answer({ body: [] });
    const run = { ...bed.context().run, lastExportDateTime: '2025-12-31T23:00:00.000Z' };
    await other.read(
      {
        relativeURI: '/r?since={{{lastExportDateTime}}}&a={{settings.flow.a}}',
        headers: [{ name: 'x-over', value: 'step' }],
      },
      {
        step: { type: 'delta', delta: { dateFormat: 'YYYY-MM-DD' } },
        context: other.context({ run, settings: { flow: { a: 'x y' } } }),
      },
    );
    expect(bed.app.requests[0]).toMatchObject({ path: '/acme/r', headers: { 'x-key': 's3cr3t', 'x-over': 'step' } });
    expect(bed.app.requests[0]?.query.get('since')).toBe('2025-12-31');
    expect(bed.app.requests[0]?.query.get('a')).toBe('x y');
  });

  it('a delta export without a checkpoint reads from the beginning of time', async () => {
    bed.app.answer({ body: [] });
    await bed.read({ relativeURI: '/r?since={{{lastExportDateTime}}}' }, { step: { type: 'delta' } });
    expect(bed.app.requests[0]?.query.get('since')).toBe('1970-01-01T00:00:00.000Z');
  });

  it('an undefined path fails the request', async () => {
    expect((await bed.read({ relativeURI: '/r/{{settings.flow.none}}' })).failure).toMatchObject({
      code: 'handlebars_template_parse_error',
    });
    expect(bed.app.requests).toHaveLength(0);
  });

  it('a header with a line break is refused', async () => {
    const context = bed.context({ settings: { flow: { a: 'x\r\nX-Evil: 1' } } });
    expect(
      (await bed.read({ headers: [{ name: 'X-A', value: '{{settings.flow.a}}' }] }, { context })).failure,
    ).not.toBeNull();
    expect(bed.app.requests).toHaveLength(0);
  });
});

it('an export of type test stops after its limit, over pages and cursors', async () => {
  bed.app.answer(({ query }) => ({ body: ids(Number(query.get('p')) * 2 + 1, Number(query.get('p')) * 2 + 2) }));
  const http: HttpExport = { relativeURI: '/r?p={{export.http.paging.page}}', paging: { method: 'page' } };
  const step = { type: 'test' as const, test: { limit: 3 } };
  const whole = await bed.read(http, { step });
  expect(whole.records).toEqual(ids(1, 3));
  expect((await bed.read(http, { step, cursor: whole.chunks[0]?.next ?? null })).records).toEqual(ids(3, 3));
});

it('a request carries the trace on', async () => {
  bed.app.answer({ body: [] });
  await bed.read(
    {},
    { context: bed.context({ traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }) },
  );
  expect(bed.app.requests[0]?.headers['traceparent']).toMatch(/^00-0af7/);
});

it.each<[string, Partial<Export>, HttpExport]>([
  ['blob', { type: 'blob' }, {}],
  ['an async helper', {}, { _asyncHelperId: '0'.repeat(24) }],
  ['XML answers', {}, { successMediaType: 'xml' }],
])('%s is refused when the export is compiled', async (_what, step, http) => {
  await expect(bed.read(http, { step })).rejects.toMatchObject({ code: 'not_supported' });
});

describe('what can be read again', () => {
  it.each<[string, HttpExport, boolean]>([
    ['GET, the default', {}, true],
    ['GET', { method: 'GET' }, true],
    ['POST', { method: 'POST' }, false],
    ['PUT', { method: 'PUT' }, false],
  ])('is what is read by GET: %s', (_method, http, isRepeatable) => {
    expect(bed.source(http).isRepeatable).toBe(isRepeatable);
  });
});
