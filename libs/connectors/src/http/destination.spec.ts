import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Import } from '#model';
import { createStepContext } from '#testing/connector-host';
import { HttpClient } from './client.js';
import { httpAdaptor } from './index.js';
import { HttpTestBed, ids } from '../testing/http-test-bed.js';

type HttpImport = NonNullable<Import['http']>;

const POST: HttpImport = { method: ['POST'], relativeURI: ['/items'] };
let bed: HttpTestBed;
beforeEach(async () => {
  bed = await HttpTestBed.start();
});
afterEach(() => bed.stop());

describe('bodies (decision 18)', () => {
  it.each<[string, HttpImport, unknown[]]>([
    ['batchSize 1: the record', POST, [{ id: 1 }, { id: 2 }, { id: 3 }]],
    ['batchSize 2: arrays, order kept', { ...POST, batchSize: 2 }, [ids(1, 2), ids(3, 3)]],
    ['a template over the record', { ...POST, body: ['{"n":{{record.id}} }'] }, [{ n: 1 }, { n: 2 }, { n: 3 }]],
    [
      'templates of the first generation',
      { ...POST, body: ['{"a":{{data.0.id}},"b":{{data.id}},"c":{{id}} }'] },
      [1, 2, 3].map((n) => ({ a: n, b: n, c: n })),
    ],
    [
      'a template over the batch',
      {
        ...POST,
        batchSize: 2,
        body: ['{"ids":[{{#each batch_of_records}}{{record.id}}{{#unless @last}},{{/unless}}{{/each}}]}'],
      },
      [{ ids: [1, 2] }, { ids: [3] }],
    ],
  ])('%s', async (_what, http, bodies) => {
    bed.app.answer({ status: 201, body: { ok: true } });
    const outcomes = await bed.submit(http, ids(1, 3));
    expect(outcomes.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200]);
    const sent = bed.app.requests.map(({ json }) => json);
    expect(sent).toHaveLength(bodies.length);
    expect(sent).toEqual(expect.arrayContaining(bodies)); // requests of a page are concurrent
  });

  it.each<[string, HttpImport, unknown, string, string]>([
    ['JSON', {}, { a: 'é' }, '{"a":"é"}', 'application/json'],
    [
      'a form',
      { requestMediaType: 'urlencoded' },
      { a: 'x y', b: { c: [1, null] } },
      'a=x+y&b%5Bc%5D%5B0%5D=1&b%5Bc%5D%5B1%5D=',
      'application/x-www-form-urlencoded',
    ],
    [
      'a form written as JSON',
      { requestMediaType: 'urlencoded', body: ['{"q":"{{record.a}}"}'] },
      { a: 'x&"y' },
      'q=x%26%22y',
      'application/x-www-form-urlencoded',
    ],
    [
      'a form written as a form',
      { requestMediaType: 'urlencoded', body: ['q={{record.a}}'] },
      { a: 'x&y' },
      'q=x%26y',
      'application/x-www-form-urlencoded',
    ],
    ['plain text', { requestMediaType: 'plaintext' }, 'hello', 'hello', 'text/plain'],
    [
      'XML',
      { requestMediaType: 'xml', body: ['<a>{{record.a}}</a>'] },
      { a: '<&' },
      '<a>&lt;&amp;</a>',
      'application/xml',
    ],
    ['JSON escaping', { body: ['{"a":"{{record.a}}"}'] }, { a: '"\n' }, '{"a":"\\"\\n"}', 'application/json'],
  ])('as %s', async (_what, http, record, body, contentType) => {
    bed.app.answer({ status: 200 });
    await bed.submit({ ...POST, ...http }, [record as never]);
    expect(bed.app.requests[0]).toMatchObject({ body, headers: { 'content-type': contentType } });
  });

  it('address and headers render over the record, the body over the mapped one', async () => {
    bed.app.answer({ status: 200 });
    await bed.submit(
      {
        method: ['PUT'],
        relativeURI: ['/items/{{record.key}}?q={{record.q}}'],
        headers: [{ name: 'X-Key', value: '{{record.key}}' }],
      },
      [{ mapped: 1 }],
      { records: [{ key: 'a b', q: '&' }] },
    );
    expect(bed.app.requests[0]).toMatchObject({
      method: 'PUT',
      path: '/items/a%20b',
      json: { mapped: 1 },
      headers: { 'x-key': 'a b' },
    });
    expect(bed.app.requests[0]?.query.get('q')).toBe('&');
  });

  it('a record without the field of the address fails alone', async () => {
    bed.app.answer({ status: 200 });
    const outcomes = await bed.submit({ method: ['DELETE'], relativeURI: ['/items/{{record.id}}'] }, [
      { id: 1 },
      { other: 2 },
    ]);
    expect(outcomes).toMatchObject([
      { statusCode: 200 },
      { statusCode: 422, failures: [{ code: 'handlebars_template_parse_error' }] },
    ]);
    expect(bed.app.requests.map(({ body }) => body)).toEqual(['']);
  });

  it('sendPostMappedData false sends the record as it was; ignoreEmptyNodes strips it', async () => {
    bed.app.answer({ status: 200 });
    const record = { a: 1, b: '', c: null, d: { e: [] }, f: [0, false, ''] };
    await bed.submit({ ...POST, sendPostMappedData: false, ignoreEmptyNodes: true }, [{ mapped: 1 }], {
      records: [record],
    });
    expect(bed.app.requests[0]?.json).toEqual({ a: 1, f: [0, false] });
  });

  it('endPointBodyLimit splits batches, and fails the record that never fits', async () => {
    bed.app.answer(({ json }) => ({ body: (json as unknown[]).map(() => ({})) }));
    const records = [{ v: 'a'.repeat(30) }, { v: 'b'.repeat(30) }, { v: 'c'.repeat(300) }, { v: 'd' }];
    const outcomes = await bed.submit({ ...POST, batchSize: 10, endPointBodyLimit: 82 }, records);
    expect(outcomes.map(({ statusCode, failures }) => failures?.[0]?.code ?? statusCode)).toEqual([
      200,
      200,
      'request_too_large',
      200,
    ]);
    expect(bed.app.requests.map(({ json }) => json)).toEqual(
      expect.arrayContaining([records.slice(0, 2), [records[3]]]),
    );
    expect(Math.max(...bed.app.requests.map(({ body }) => body.length))).toBeLessThanOrEqual(82);
  });

  it('endPointBodyLimit halves templated batches', async () => {
    bed.app.answer({ body: {} });
    const http = {
      ...POST,
      batchSize: 4,
      endPointBodyLimit: 25,
      body: ['[{{#each batch_of_records}}{{record.id}}00000000,{{/each}}0]'],
    };
    expect((await bed.submit(http, ids(1, 4))).map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200]);
    expect(bed.app.requests).toHaveLength(2);
  });
});

describe('requests that are built ahead', () => {
  const page = { generator: 'export1', page: 3 };
  const records = ids(1, 3).map((mapped, index) => ({
    index,
    record: { raw: index },
    mapped: { ...mapped, gone: '' },
  }));
  const destinationOf = (http: HttpImport) =>
    httpAdaptor.createDestination({ _id: 'import1', name: 'import', http }, bed.host);
  const sent = () =>
    bed.app.requests
      .map(({ headers, body, path }) => [path, headers['idempotency-key'], body].join('\n'))
      .toSorted(byText);
  const byText = (a: string, b: string) => a.localeCompare(b);

  it.each<[string, HttpImport]>([
    ['a record each', POST],
    ['batches', { ...POST, batchSize: 2 }],
    ['a form', { ...POST, requestMediaType: 'urlencoded' }],
    ['the record before it was mapped', { ...POST, sendPostMappedData: false }],
    ['records without empty nodes', { ...POST, ignoreEmptyNodes: true, batchSize: 10 }],
  ])('are the requests that are sent otherwise: %s', async (_what, http) => {
    bed.app.answer({ status: 200, body: { ok: true } });
    const destination = destinationOf(http);
    const expected = await destination.submit(page, records, bed.context());
    const inTurn = sent();
    bed.app.requests.length = 0;
    const built = await destination.build!(records, bed.connection);
    expect(bed.app.requests).toEqual([]);
    expect(built!.flatMap(({ indices }) => indices)).toEqual([0, 1, 2]);
    expect(await destination.submitBuilt!(page, built!, bed.context())).toMatchObject(
      expected.map(({ statusCode }) => ({ statusCode })),
    );
    expect(sent()).toEqual(inTurn);
  });

  it.each<[string, HttpImport]>([
    ['the address reads the record', { ...POST, relativeURI: ['/items/{{record.id}}'] }],
    ['a header reads the record', { ...POST, headers: [{ name: 'X-Key', value: '{{record.id}}' }] }],
    ['the body is a template', { ...POST, body: ['{"n":{{record.id}} }'] }],
    ['the method has no body', { method: ['DELETE'], relativeURI: ['/items'] }],
    ['batches are cut by size', { ...POST, batchSize: 10, endPointBodyLimit: 82 }],
  ])('are not where %s', async (_what, http) => {
    expect(await destinationOf(http).build!(records, bed.connection)).toBeNull();
  });

  it('fail as the connection does', async () => {
    const built = await destinationOf(POST).build!(records, bed.connection);
    const context = bed.reconnect({ baseURI: 'http://127.0.0.1:1' }).context();
    const outcomes = await destinationOf(POST).submitBuilt!(page, built!, context);
    expect(outcomes).toHaveLength(3);
    for (const { failures } of outcomes) expect(failures).toHaveLength(1);
  });
});

describe('answers (decision 18)', () => {
  it.each<[string, HttpImport, unknown, unknown]>([
    ['an object: id', {}, { id: 7 }, { statusCode: 200, id: '7', _json: { id: 7 } }],
    ['an object: _id', {}, { _id: 'x' }, { statusCode: 200, id: 'x' }],
    ['resourceIdPath', { response: { resourceIdPath: ['d.key'] } }, { d: { key: 5 } }, { id: '5' }],
    ['an array of one', {}, [{ id: 7 }], { statusCode: 200, id: '7' }],
    ['resourcePath', { response: { resourcePath: ['r'] } }, { r: [{ id: 3 }] }, { id: '3' }],
    ['text', {}, 'done', { statusCode: 200, _json: 'done' }],
    ['nothing', {}, undefined, { statusCode: 200 }],
    [
      'success value',
      { response: { successPath: ['ok'], successValues: [['true']] } },
      { ok: true },
      { statusCode: 200 },
    ],
    [
      'success value differs',
      { response: { successPath: ['ok'], successValues: [['true']], errorPath: 'why' } },
      { ok: false, why: 'no' },
      { statusCode: 422, failures: [{ code: 'response_failure', message: 'no', source: 'application' }] },
    ],
    [
      'fail value',
      { response: { failPath: ['s'], failValues: [['bad']] } },
      { s: 'bad' },
      { statusCode: 422, failures: [{ code: 'response_failure' }] },
    ],
    [
      'no JSON although a rule needs it',
      { response: { successPath: ['ok'] } },
      'oops',
      { statusCode: 422, failures: [{ code: 'parse_error' }] },
    ],
  ])('to one record: %s', async (_what, http, body, outcome) => {
    bed.app.answer({ body });
    expect(await bed.submit({ ...POST, ...http }, ids(1, 1))).toMatchObject([outcome]);
  });

  it('to a batch: by position, missing ones fail', async () => {
    bed.app.answer({ body: { results: [{ id: 11 }, { error: 'dup' }] } });
    const outcomes = await bed.submit(
      { ...POST, batchSize: 3, response: { resourcePath: ['results'], failPath: ['error'], errorPath: 'error' } },
      ids(1, 3),
    );
    expect(outcomes).toMatchObject([
      { statusCode: 200, id: '11', _json: { id: 11 } },
      { statusCode: 422, failures: [{ code: 'response_failure', message: 'dup' }] },
      { statusCode: 422, failures: [{ code: 'missing_result' }] },
    ]);
  });

  it('to a batch: a whole answer that is no array counts for all', async () => {
    bed.app.answer({ body: { ok: false } });
    const http = { ...POST, batchSize: 3, response: { successPath: ['ok'], successValues: [['true']] } };
    expect((await bed.submit(http, ids(1, 3))).map(({ statusCode }) => statusCode)).toEqual([422, 422, 422]);
  });

  it.each<[number, unknown, object]>([
    [400, { message: 'bad name' }, { code: '400', message: 'bad name', source: 'application' }],
    [409, 'exists', { code: '409', source: 'application' }],
    [500, '<html>', { code: '500', source: 'application' }],
  ])('status %i fails the batch', async (status, body, failure) => {
    bed.app.answer({ status, body });
    const outcomes = await bed.submit({ ...POST, batchSize: 2, response: { errorPath: 'message' } }, ids(1, 2));
    expect(outcomes).toMatchObject([
      { statusCode: 422, failures: [failure] },
      { statusCode: 422, failures: [failure] },
    ]);
  });

  it('keeps the exchange with secrets masked and bodies cut', async () => {
    bed.app.answer({ status: 422, headers: { 'set-cookie': 'sid=1' }, body: `no topsecret ${'y'.repeat(10_000)}` });
    const secured = bed.reconnect({
      auth: { type: 'token', token: { token: 'topsecret' } },
      encrypted: { k: 'hidden!' },
    });
    const [outcome] = await secured.submit({ ...POST, relativeURI: ['/items?api_key=abc&k=hidden!'] }, [
      { note: 'hidden! here', v: 'x'.repeat(10_000) },
    ]);
    const exchange = outcome?.failures?.[0]?.exchange;
    expect(exchange).toMatchObject({
      method: 'POST',
      status: 422,
      url: `${bed.app.url}/items?api_key=******&k=******`,
    });
    expect(exchange?.requestHeaders['authorization'] ?? exchange?.requestHeaders['Authorization']).toBe('******');
    expect(exchange?.responseHeaders?.['set-cookie']).toBe('******');
    expect(exchange?.requestBody).toHaveLength(8192);
    expect(JSON.stringify(outcome)).not.toMatch(/topsecret|hidden!|sid=1/);
  });
});

describe('idempotency keys (decision 19)', () => {
  const keyOf = async (http: HttpImport, count: number, context = bed.context()): Promise<(string | undefined)[]> => {
    bed.app.clear();
    bed.app.answer({ body: {} });
    await bed.submit(http, ids(1, count), { context });
    return bed.app.requests
      .map(({ headers }) => headers['idempotency-key'] as string | undefined)
      .sort((a, b) => (a ?? '').localeCompare(b ?? ''));
  };

  it('are the same for the same records of the same page, and differ for others', async () => {
    const first = await keyOf(POST, 3);
    expect(new Set(first).size).toBe(3);
    expect(await keyOf(POST, 3)).toEqual(first);
    expect(await keyOf(POST, 3, bed.context({ stepId: 'other' }))).not.toEqual(first);
    expect(await keyOf({ ...POST, batchSize: 3 }, 3)).not.toEqual(first);
  });

  it('can be renamed, and turned off', async () => {
    expect(await keyOf({ ...POST, idempotencyKeyHeader: '' }, 1)).toEqual([undefined]);
    await keyOf({ ...POST, idempotencyKeyHeader: 'X-Request-Key' }, 1);
    expect(bed.app.requests[0]?.headers['x-request-key']).toMatch(/^[0-9a-f]{32}$/);
  });

  it('stay the same over tries', async () => {
    bed.app.answerInTurn({ status: 503 }, { status: 200 });
    await bed.submit(POST, ids(1, 1));
    const keys = bed.app.requests.map(({ headers }) => headers['idempotency-key']);
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
  });
});

describe('repeats (decision 11)', () => {
  const PLAIN: HttpImport = { ...POST, idempotencyKeyHeader: '' };
  it.each<[string, HttpImport, Partial<Import>, number, number]>([
    ['500, with a key', POST, {}, 500, 5],
    ['500, without a key', PLAIN, {}, 500, 1],
    ['503, without a key', PLAIN, {}, 503, 3],
    ['429, without a key', PLAIN, {}, 429, 3],
    ['408, without a key', PLAIN, {}, 408, 1],
    ['503, without a key, maxAttempts 2', PLAIN, { maxAttempts: 2 }, 503, 2],
    ['500, PUT without a key', { ...PLAIN, method: ['PUT'] }, {}, 500, 5],
    ['500, DELETE without a key', { ...PLAIN, method: ['DELETE'] }, {}, 500, 5],
    ['500, PATCH without a key', { ...PLAIN, method: ['PATCH'] }, {}, 500, 1],
    ['500, with a key, maxAttempts 1', POST, { maxAttempts: 1 }, 500, 1],
    ['422', POST, {}, 422, 1],
  ])('%s', async (_what, http, step, status, tries) => {
    bed.app.answer({ status });
    await bed.submit(http, ids(1, 1), { step });
    expect(bed.app.requests).toHaveLength(tries);
  });

  it.each<[string, HttpImport, number]>([
    ['with a key', POST, 2],
    ['without a key: the application may have acted', PLAIN, 1],
  ])('a broken connection, %s', async (_what, http, tries) => {
    bed.app.answerInTurn({ reset: true }, { status: 200 });
    const [outcome] = await bed.submit(http, ids(1, 1));
    expect(bed.app.requests).toHaveLength(tries);
    expect(outcome?.statusCode).toBe(tries === 2 ? 200 : 422);
  });

  it('a time-out is not repeated; the errors service does that later', async () => {
    bed.app.answer({ hang: true });
    const [outcome] = await bed.submit({ ...POST, timeoutSeconds: 0.05 }, ids(1, 1));
    expect(outcome).toMatchObject({ statusCode: 422, failures: [{ code: 'timeout', classification: 'intermittent' }] });
    expect(bed.app.requests).toHaveLength(1);
  });
});

it('sends the requests of a page concurrently, each under a permit, and keeps the order of the outcomes', async () => {
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  bed.app.answer(({ json }) => {
    if (bed.app.requests.length === 8) open();
    return { until: gate, body: { id: (json as { id: number }).id } };
  });
  const outcomes = await bed.submit(POST, ids(1, 8));
  expect(outcomes.map(({ id }) => id)).toEqual(['1', '2', '3', '4', '5', '6', '7', '8']);
  expect(bed.host.limits.peak).toBe(8);
  expect(bed.host.limits.held).toBe(0);
});

it('sends nothing after a cancel, but learns what happened to requests under way (decision 6)', async () => {
  const abort = new AbortController();
  bed.app.answer(() => {
    abort.abort();
    return { body: { id: 'done' } };
  });
  const context = bed.context({ signal: abort.signal });
  expect(await bed.submit(POST, ids(1, 1), { context })).toMatchObject([{ statusCode: 200, id: 'done' }]);
  expect(await bed.submit(POST, ids(1, 2), { context })).toMatchObject([
    { failures: [{ code: 'canceled' }] },
    { failures: [{ code: 'canceled' }] },
  ]);
  expect(bed.app.requests).toHaveLength(1);
});

describe('a composite import (runtime §9.3, resources §5.3)', () => {
  const UPSERT: HttpImport = {
    requestType: ['UPDATE', 'CREATE'],
    method: ['PUT', 'POST'],
    relativeURI: ['/items/{{record.id}}', '/items'],
    body: ['{"u": {{record.id}} }', '{"c": {{record.id}} }'],
    existingExtract: 'known',
    response: { resourceIdPath: ['updated', 'created'], successPath: ['ok', null], successValues: [['yes'], null] },
  };

  async function upsert(http: HttpImport, operations: readonly ('create' | 'update')[]) {
    const step = { _id: 'import1', name: 'import', http } as Import & { _id: string };
    const records = operations.map((operation, at) => {
      const record = { id: at + 1 };
      return { index: at, record, mapped: record, operation };
    });
    const destination = httpAdaptor.createDestination(step, bed.host);
    return destination.submit({ generator: 'export1', page: 0 }, records, bed.context());
  }

  it('sends each record the request that was chosen for it, and reads the answer by the same index', async () => {
    bed.app.answer(({ method, json }) =>
      method === 'PUT' ? { body: { ok: 'yes', updated: `u${(json as { u: number }).u}` } } : { body: { created: 'c' } },
    );
    expect(await upsert(UPSERT, ['create', 'update', 'create', 'update'])).toMatchObject(
      ['c', 'u2', 'c', 'u4'].map((id) => ({ statusCode: 200, id })),
    );
    expect(bed.app.requests.map(({ method, path, body }) => `${method} ${path} ${body}`).sort()).toEqual([
      'POST /items {"c": 1 }',
      'POST /items {"c": 3 }',
      'PUT /items/2 {"u": 2 }',
      'PUT /items/4 {"u": 4 }',
    ]);
  });

  it('batches what it creates and what it updates apart; results keep their records', async () => {
    const http = { ...UPSERT, relativeURI: ['/update', '/create'], body: undefined, batchSize: 10 } as HttpImport;
    bed.app.answer(({ path, json }) => ({
      body: (json as { id: number }[]).map(({ id }) => ({
        ok: 'yes',
        id,
        updated: `u${id}`,
        created: `c${id}${path}`,
      })),
    }));
    expect(await upsert(http, ['update', 'create', 'update'])).toMatchObject([
      { id: 'u1' },
      { id: 'c2/create' },
      { id: 'u3' },
    ]);
    expect(new Map(bed.app.requests.map(({ path, json }) => [path, json]))).toEqual(
      new Map([
        ['/create', [{ id: 2 }]],
        ['/update', [{ id: 1 }, { id: 3 }]],
      ]),
    );
  });

  it('without request types is refused: nothing says which of two methods creates', async () => {
    await expect(upsert({ method: ['PUT', 'POST'] }, [])).rejects.toMatchObject({ code: 'invalid_value' });
  });
});

describe('values of dynamic lookups (handlebars §3)', () => {
  const submitWith = (http: HttpImport) => {
    const step = { _id: 'import1', name: 'import', http } as Import & { _id: string };
    const records = [1, 2].map((id, index) => ({
      index,
      record: { id },
      mapped: { id },
      lookups: { customer: { key: `k${id}` } },
    }));
    return httpAdaptor.createDestination(step, bed.host).submit({ generator: 'e', page: 0 }, records, bed.context());
  };

  it('are `lookup.name` in the templates of a record', async () => {
    bed.app.answer({ body: {} });
    await submitWith({
      method: ['PUT'],
      relativeURI: ['/c/{{lookup.customer.key}}'],
      headers: [{ name: 'x-key', value: '{{lookup.customer.key}}' }],
      body: ['{{lookup.customer.key}}'],
    });
    const sent = bed.app.requests.map(({ path, body, headers }) => `${path} ${body} ${String(headers['x-key'])}`);
    expect(sent.sort()).toEqual(['/c/k1 k1 k1', '/c/k2 k2 k2']);
  });

  it('stand beside each record of a batch', async () => {
    bed.app.answer({ body: [{}, {}] });
    const body = '{{#each batch_of_records}}{{record.id}}={{lookup.customer.key}};{{/each}}';
    await submitWith({ ...POST, batchSize: 2, body: [body] });
    expect(bed.app.requests.map((request) => request.body)).toEqual(['1=k1;2=k2;']);
  });
});

it("a refused connection is the connection's failure", async () => {
  const broken = bed.reconnect({ baseURI: 'http://127.0.0.1:1' });
  expect(await broken.submit(POST, ids(1, 1))).toMatchObject([
    { statusCode: 403, failures: [{ code: 'connection_refused', source: 'connection' }] },
  ]);
});

it('__proto__ in records and answers is data', async () => {
  bed.app.answer({ body: '{"__proto__":{"id":"evil"},"id":"good"}' });
  const record = JSON.parse('{"__proto__":{"polluted":true},"a":1}') as never;
  const [outcome] = await bed.submit({ ...POST, body: ['{{record.a}}{{record.polluted}}{{polluted}}'] }, [record]);
  expect(outcome?.id).toBe('good');
  expect(bed.app.requests[0]?.body).toBe('1');
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});

it.each<[string, Partial<Import>, HttpImport]>([
  ['XML without a body', {}, { ...POST, requestMediaType: 'xml' }],
  ['a form of several records', {}, { ...POST, requestMediaType: 'urlencoded', batchSize: 2 }],
])('%s is refused when the import is compiled', async (_what, step, http) => {
  await expect(bed.submit(http, ids(1, 1), { step })).rejects.toMatchObject({ code: 'not_supported' });
});

describe('a connection', () => {
  it('is compiled once per document', async () => {
    let opened = 0;
    const counted = await HttpTestBed.start({}, { openSecrets: async (connection) => (opened++, connection) });
    counted.app.answer({ body: {} });
    await counted.submit(POST, ids(1, 5));
    await counted.submit(POST, ids(1, 5));
    expect(opened).toBe(1);
    expect(await HttpClient.of(counted.host).connection(counted.connection)).toBe(
      await HttpClient.of(counted.host).connection(counted.connection),
    );
    await counted.stop();
  });

  it('of another type is refused', async () => {
    const context = createStepContext({ _id: 'c', name: 'c', type: 'rdbms' });
    expect(await bed.submit(POST, ids(1, 1), { context })).toMatchObject([
      { statusCode: 403, failures: [{ code: 'invalid_value', source: 'connection' }] },
    ]);
  });
});
