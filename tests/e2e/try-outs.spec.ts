import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FakeApp, type ReceivedRequest } from '#testing/fake-app';
import type { ApiAnswer } from '../support/api.js';
import { ApiClient } from '../support/api.js';
import { Shop } from '../support/shop.js';
import { Standalone } from '../support/standalone.js';

interface Problem {
  readonly code: string;
  readonly message: string;
  readonly field?: string;
  readonly source?: string;
}
interface Refused {
  readonly errors: readonly Problem[];
}
interface Page {
  readonly data: readonly { readonly id: number }[];
  readonly errors?: readonly Problem[];
  readonly dataURIs?: readonly string[];
  readonly pagedExportState?: {
    readonly pageIndex: number;
    readonly done: boolean;
    readonly sig: string;
    readonly cursor: string;
  };
}
interface Preview extends Page {
  readonly stages: readonly { readonly name: string; readonly errors: readonly Problem[]; readonly data: unknown }[];
}

const otherToken = 'e2e-token-of-another-account';
const secret = 'a-secret-that-nobody-may-read';
const unknownId = '0123456789abcdef01234567';

let millrace: Standalone;
let other: ApiClient;
let shop: Shop;
let connectionId: string;

beforeAll(async () => {
  [millrace, shop] = await Promise.all([Standalone.start({ MILLRACE_ACCOUNTS: `other:${otherToken}` }), Shop.open(45)]);
  other = new ApiClient(millrace.api.url, otherToken);
  connectionId = await millrace.api.create('connections', {
    name: 'Shop',
    type: 'http',
    http: {
      formType: 'http',
      baseURI: shop.app.url,
      mediaType: 'json',
      auth: {
        type: 'token',
        token: { token: secret, location: 'header', headerName: 'Authorization', scheme: 'Bearer' },
      },
    },
  });
});
afterAll(async () => {
  await Promise.all([millrace?.stop(), shop?.close()]);
});

const post = <T>(path: string, body?: unknown): Promise<ApiAnswer<T>> => millrace.api.send<T>('POST', path, body);
const idsOf = ({ data }: Page): number[] => data.map(({ id }) => id);

/** Ten items a response, pages of four. */
const items = (change: object = {}) => ({
  http: {
    relativeURI: '/items?page={{export.http.paging.page}}&limit=10',
    paging: { method: 'page', page: 0 },
  },
  pageSize: 4,
  ...change,
});
const entries = (change: object = {}) => ({
  http: {
    method: ['POST'],
    relativeURI: ['/entries'],
    batchSize: 2,
    response: { resourceIdPath: ['id'], successPath: ['ok'], successValues: [['true']], errorPath: 'message' },
  },
  mappings: [
    { generate: 'id', dataType: 'number', extract: '$.id', status: 'Active' },
    { generate: 'title', dataType: 'string', extract: '{{record.name}}', status: 'Active' },
  ],
  ...change,
});
const records = [
  { id: 1, name: 'one' },
  { id: 2, name: 'two' },
  { id: 3, name: 'three' },
];

describe('virtual exports (resources §6.1)', () => {
  it('give all records, across pages of the application', async () => {
    const { status, body } = await post<Page>(`/v1/connections/${connectionId}/export`, { export: items() });
    expect(status).toBe(200);
    expect(idsOf(body)).toEqual(Array.from({ length: 45 }, (_, id) => id));
  });

  it('give one page per call, which the signed state goes on from, to the end', async () => {
    const path = `/v1/connections/${connectionId}/export/pages`;
    const seen: number[] = [];
    const sizes: number[] = [];
    let pagedExportState: Page['pagedExportState'];
    do {
      const body = { export: items(), ...(pagedExportState === undefined ? {} : { pagedExportState }) };
      const page = await millrace.api.call<Page>('POST', path, body);
      seen.push(...idsOf(page));
      sizes.push(page.data.length);
      pagedExportState = page.pagedExportState!;
      expect(pagedExportState.pageIndex).toBe(sizes.length);
    } while (!pagedExportState.done);
    expect(seen).toEqual(Array.from({ length: 45 }, (_, id) => id));
    expect(sizes).toEqual([4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 1]);
    const after = await post<Refused>(path, { export: items(), pagedExportState });
    expect([after.status, after.body.errors[0]?.code]).toEqual([422, 'invalid_paged_state']);
  });

  it.each<[string, (state: Record<string, unknown>) => object]>([
    ['another page index', (state) => ({ ...state, pageIndex: 7 })],
    ['another page size', (state) => ({ ...state, pageSize: 1000 })],
    ['another time of issue', (state) => ({ ...state, issuedAt: '2999-01-01T00:00:00.000Z' })],
    ['another cursor', (state) => ({ ...state, cursor: `${String(state['cursor'])}A` })],
    ['no signature', (state) => ({ ...state, sig: '' })],
    ['half a signature', (state) => ({ ...state, sig: String(state['sig']).slice(0, -2) })],
  ])('refuse a state with %s', async (_, tamper) => {
    const path = `/v1/connections/${connectionId}/export/pages`;
    const { pagedExportState } = await millrace.api.call<Page>('POST', path, { export: items() });
    const state = tamper(pagedExportState as unknown as Record<string, unknown>);
    const { status, body } = await post<Refused>(path, { export: items(), pagedExportState: state });
    expect([status, body.errors[0]?.code]).toEqual([422, 'invalid_paged_state']);
  });

  it('refuse a state of another export, of another connection and of another account', async () => {
    const path = `/v1/connections/${connectionId}/export/pages`;
    const { pagedExportState } = await millrace.api.call<Page>('POST', path, { export: items() });
    const otherExport = await post<Refused>(path, { export: items({ pageSize: 5 }), pagedExportState });
    expect(otherExport.body.errors[0]?.code).toBe('invalid_paged_state');
    const http = { formType: 'http', baseURI: shop.app.url, mediaType: 'json' };
    const second = await millrace.api.create('connections', { name: 'Second', type: 'http', http });
    const theirs = await other.create('connections', { name: 'Theirs', type: 'http', http });
    const body = { export: items(), pagedExportState };
    const otherConnection = await post<Refused>(`/v1/connections/${second}/export/pages`, body);
    expect(otherConnection.body.errors[0]?.code).toBe('invalid_paged_state');
    const otherAccount = await other.send<Refused>('POST', `/v1/connections/${theirs}/export/pages`, body);
    expect(otherAccount.body.errors[0]?.code).toBe('invalid_paged_state');
  });

  it('answer what the application failed with, and what was read until then', async () => {
    shop.intercept = () => null;
    const { status, body } = await post<Page>(`/v1/connections/${connectionId}/export`, {
      export: { http: { relativeURI: '/items', response: { successPath: 'missing' } } },
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ data: [], errors: [{ code: 'response_failure', source: 'application' }] });
  });
});

describe('invocations (resources §4.1, §5.1)', () => {
  it('read an export page by page', async () => {
    const id = await millrace.api.create('exports', {
      name: 'Items',
      _connectionId: connectionId,
      ...items({ pageSize: 30, dataURITemplate: 'https://shop.example/items/{{record.id}}' }),
    });
    const first = await millrace.api.call<Page>('POST', `/v1/exports/${id}/invoke`);
    expect(idsOf(first)).toEqual(Array.from({ length: 30 }, (_, at) => at));
    expect(first.dataURIs?.[7]).toBe('https://shop.example/items/7');
    const { pagedExportState } = first;
    const second = await millrace.api.call<Page>('POST', `/v1/exports/${id}/invoke`, { pagedExportState });
    expect(idsOf(second)).toEqual(Array.from({ length: 15 }, (_, at) => at + 30));
    expect(second.pagedExportState?.done).toBe(true);
  });

  it('look records up and answer by position, what the lookup does with them included', async () => {
    const relativeURI = '/items?page={{record.page}}&limit=1';
    const transform = {
      type: 'expression',
      expression: { version: '1', rules: [[{ extract: 'name', generate: 'title' }]] },
    };
    const inputFilter = {
      type: 'expression',
      expression: { version: '1', rules: ['notequals', ['extract', 'page'], 8] },
    };
    const lookup = { isLookup: true, http: { relativeURI }, transform, inputFilter };
    const id = await millrace.api.create('exports', { name: 'Items', _connectionId: connectionId, ...lookup });
    const data = [{ page: 7 }, { page: 8 }, { page: 99 }];
    const found = [
      { statusCode: 200, data: [{ title: 'item 7' }] },
      { statusCode: 200, ignored: true, data: [] },
      { statusCode: 200, data: [] },
    ];
    expect(await millrace.api.call('POST', `/v1/exports/${id}/invoke`, { data })).toEqual(found);
    const virtual = await post(`/v1/connections/${connectionId}/export`, { export: lookup, data });
    expect(virtual).toMatchObject({ status: 200, body: found });
  });

  it('answer why a record could not be looked up, beside the others', async () => {
    const app = await FakeApp.start(({ query }) =>
      query.get('page') === '1' ? { status: 400, body: { message: 'no such page' } } : { body: [{ id: 2 }] },
    );
    const http = { formType: 'http', baseURI: app.url, mediaType: 'json' };
    const strict = await millrace.api.create('connections', { name: 'Strict', type: 'http', http });
    const lookup = { isLookup: true, http: { relativeURI: '/items?page={{record.page}}' } };
    const data = [{ page: 1 }, { page: 2 }];
    const { body } = await post(`/v1/connections/${strict}/export`, { export: lookup, data });
    await app.close();
    expect(body).toMatchObject([
      { statusCode: 422, data: [], errors: [{ code: '400', source: 'application' }] },
      { statusCode: 200, data: [{ id: 2 }] },
    ]);
  });

  it.each<[string, object, unknown, number, string]>([
    ['records for an export that is no lookup', {}, [{ page: 1 }], 422, 'not_a_lookup'],
    ['records that are none', { isLookup: true }, [1], 422, 'invalid_field_value'],
    ['one record without its list', { isLookup: true }, { page: 1 }, 422, 'invalid_field_value'],
  ])('refuse %s', async (_, change, data, status, code) => {
    const id = await millrace.api.create('exports', { name: 'I', _connectionId: connectionId, ...items(change) });
    const answer = await post<Refused>(`/v1/exports/${id}/invoke`, { data });
    expect([answer.status, answer.body.errors[0]?.code]).toEqual([status, code]);
  });

  it('import records and answer by position', async () => {
    shop.accepted.clear();
    shop.refuse = (record) => (record.id === 2 ? { code: 'closed', message: '2 is closed' } : null);
    const id = await millrace.api.create('imports', { name: 'Entries', _connectionId: connectionId, ...entries() });
    const answer = await millrace.api.call<object[]>('POST', `/v1/imports/${id}/invoke`, records);
    shop.refuse = () => null;
    expect(answer).toEqual([
      { statusCode: 200, id: '1', _json: { ok: true, id: '1' } },
      {
        statusCode: 422,
        errors: [{ code: 'response_failure', message: expect.stringContaining('2 is closed'), source: 'application' }],
      },
      { statusCode: 200, id: '3', _json: { ok: true, id: '3' } },
    ]);
    expect([...shop.accepted.keys()]).toEqual([1, 3]);
    const wrapped = await millrace.api.call<object[]>('POST', `/v1/imports/${id}/invoke`, { data: [records[0]] });
    expect(wrapped).toMatchObject([{ statusCode: 200, id: '1' }]);
  });

  it('say which records a filter passed over', async () => {
    const filter = {
      type: 'expression',
      expression: { version: '1', rules: ['greaterthan', ['number', ['extract', 'id']], 2] },
    };
    const { body } = await post(`/v1/connections/${connectionId}/import`, {
      import: entries({ filter }),
      data: records,
    });
    expect(body).toMatchObject([
      { statusCode: 200, ignored: true },
      { statusCode: 200, ignored: true },
      { statusCode: 200, id: '3' },
    ]);
  });
});

describe('mapping alone (decision 21)', () => {
  it('answers mapped records by position, a failed one as its errors, and sends nothing', async () => {
    const posts = shop.posts;
    const mappings = [{ generate: 'id', dataType: 'number', extract: '$.id', status: 'Active' }];
    const { status, body } = await post(`/v1/connections/${connectionId}/import/map`, {
      import: entries({ mappings }),
      data: [{ id: '7' }, { id: 'seven' }],
    });
    expect({ status, body }).toEqual({
      status: 200,
      body: [{ id: 7 }, { errors: [{ code: 'cast_failed', message: expect.any(String), source: 'mapping' }] }],
    });
    expect(shop.posts).toBe(posts);
  });
});

describe('previews (runtime §21)', () => {
  it('of an export show at most 100 records and what each stage made of them', async () => {
    shop.total = 500;
    const transform = {
      type: 'expression',
      expression: { version: '1', rules: [[{ extract: 'id', generate: 'number' }]] },
    };
    const filter = {
      type: 'expression',
      expression: { version: '1', rules: ['notequals', ['extract', 'number'], 3] },
    };
    const { status, body } = await post<Preview>('/v1/exports/preview', {
      _connectionId: connectionId,
      ...items({ transform, filter }),
    });
    shop.total = 45;
    expect(status).toBe(200);
    expect(body.data).toHaveLength(99);
    expect(body.stages.map(({ name }) => name)).toEqual(['request', 'response', 'parse', 'transform', 'outputFilter']);
    const byName = Object.fromEntries(body.stages.map(({ name, data }) => [name, data as Record<string, unknown>[]]));
    expect(byName['parse']).toHaveLength(100);
    expect(byName['transform']?.[3]).toEqual({ number: 3 });
    expect(byName['outputFilter']).toHaveLength(99);
    expect(byName['request']?.[0]).toMatchObject({ method: 'GET', url: `${shop.app.url}/items?page=0&limit=10` });
    expect(byName['response']?.[0]).toMatchObject({ statusCode: 200 });
    expect(JSON.stringify(body)).not.toContain(secret);
  });

  it.each([
    [undefined, 'since=&until='],
    [
      { lastExportDateTime: '2026-01-01T00:00:00.000Z', currentExportDateTime: '2026-02-01T00:00:00.000Z' },
      'since=2026-01-01T00:00:00.000Z&until=2026-02-01T00:00:00.000Z',
    ],
  ])('of a delta export with postData %j ask for %s', async (postData, query) => {
    const { body } = await post<Preview>('/v1/exports/preview', {
      _connectionId: connectionId,
      type: 'delta',
      delta: {},
      http: { relativeURI: '/items?since={{{lastExportDateTime}}}&until={{{currentExportDateTime}}}' },
      ...(postData === undefined ? {} : { postData }),
    });
    expect(body.stages[0]).toMatchObject({ name: 'request', data: [{ url: `${shop.app.url}/items?${query}` }] });
  });

  it('of an import show the requests that would be sent, and send nothing', async () => {
    const before = shop.app.requests.length;
    const { status, body } = await post<{ requests: object[]; data: unknown }>('/v1/imports/preview', {
      _connectionId: connectionId,
      ...entries({
        http: {
          ...entries().http,
          headers: [{ name: 'X-Api-Key', value: 'k' }],
          body: ['{"it":{{{jsonSerialize batch_of_records}}},"t":"{{{connection.http.auth.token.token}}}"}'],
        },
      }),
      data: records,
    });
    expect(status).toBe(200);
    expect(body.data).toEqual(records.map(({ id, name }) => ({ id, title: name })));
    expect(body.requests).toHaveLength(2);
    expect(body.requests[0]).toMatchObject({
      system: 'http',
      method: 'POST',
      target: `${shop.app.url}/entries`,
      headers: { Authorization: '******', 'X-Api-Key': '******' },
      records: [0, 1],
    });
    expect(JSON.stringify(body)).not.toContain(secret);
    expect(shop.app.requests).toHaveLength(before);
  });

  it('of an import really send when asked to', async () => {
    shop.accepted.clear();
    const { body } = await post<{ requests: object[]; responses: object[] }>('/v1/imports/preview', {
      _connectionId: connectionId,
      ...entries(),
      data: records,
      send: true,
    });
    expect(body.responses).toMatchObject([{ id: '1' }, { id: '2' }, { id: '3' }]);
    expect(body.requests).toHaveLength(2);
    expect([...shop.accepted.keys()]).toEqual([1, 2, 3]);
  });
});

describe('test runs of flows (runtime §21)', () => {
  interface TestRun {
    readonly flowJob: Record<string, unknown>;
    readonly childJobs: readonly {
      readonly _exportId?: string;
      readonly _importId?: string;
      readonly routerId?: string;
      readonly numSuccess: number;
      readonly stages: readonly { readonly name: string; readonly input?: unknown[]; readonly output?: unknown[] }[];
    }[];
  }

  const details = { http: { relativeURI: '/items?page={{record.id}}&limit=1' }, isLookup: true };

  async function makeFlow(change: { export?: object; import?: object; flow?: object; lookup?: object } = {}) {
    const exportId = await millrace.api.create('exports', {
      name: 'E',
      _connectionId: connectionId,
      ...items(change.export),
    });
    const lookupId = await millrace.api.create('exports', {
      name: 'L',
      _connectionId: connectionId,
      ...details,
      ...change.lookup,
    });
    const importId = await millrace.api.create('imports', {
      name: 'I',
      _connectionId: connectionId,
      ...entries(change.import),
    });
    const last = await millrace.api.create('imports', { name: 'J', _connectionId: connectionId, ...entries() });
    const flowId = await millrace.api.create('flows', {
      name: 'Tested',
      disabled: true,
      pageGenerators: [{ _exportId: exportId }],
      pageProcessors: [
        {
          type: 'export',
          _exportId: lookupId,
          responseMapping: { fields: [{ extract: 'data[0].name', generate: 'found' }], lists: [] },
        },
        {
          type: 'import',
          _importId: importId,
          responseMapping: { fields: [{ extract: '_json.id', generate: 'imported' }], lists: [] },
        },
        { type: 'import', _importId: last },
      ],
      ...change.flow,
    });
    return { flowId, exportId, lookupId, importId, last };
  }
  const stagesOf = (run: TestRun, id: string) => {
    const child = run.childJobs.find((job) => job._exportId === id || job._importId === id || job.routerId === id);
    return Object.fromEntries((child?.stages ?? []).map(({ name, ...stage }) => [name, stage]));
  };

  it('take one page through every step, look up live and import nothing', async () => {
    const { flowId, exportId, lookupId, importId, last } = await makeFlow();
    const posts = shop.posts;
    const { status, body } = await post<TestRun>(`/v1/flows/${flowId}/test/run`, {});
    expect(status).toBe(200);
    expect(shop.posts).toBe(posts);
    expect(body.flowJob).toMatchObject({
      type: 'flow',
      status: 'completed',
      numSuccess: 8,
      numError: 0,
      numPagesGenerated: 1,
    });
    expect(body.childJobs.map(({ numSuccess }) => numSuccess)).toEqual([4, 4, 4, 4]);
    expect(stagesOf(body, exportId)).toMatchObject({ parse: { output: [{ id: 0 }, { id: 1 }, { id: 2 }, { id: 3 }] } });
    expect(Object.keys(stagesOf(body, lookupId))).toEqual(['mapping', 'request', 'response', 'responseMap']);
    expect(stagesOf(body, lookupId)['responseMap']?.output?.[3]).toMatchObject({ id: 3, found: 'item 3' });
    expect(stagesOf(body, importId)['mapping']?.output?.[0]).toEqual({ id: 0, title: 'item 0' });
    expect(stagesOf(body, importId)['responseMap']).toMatchObject({
      input: expect.arrayContaining([
        { statusCode: 200, ignored: false, errors: [], _json: { id: '1234567890', mockResponse: 'replace me' } },
      ]),
      output: expect.arrayContaining([expect.objectContaining({ id: 0, imported: '1234567890' })]),
    });
    expect(stagesOf(body, last)['mapping']?.input?.[0]).toMatchObject({ imported: '1234567890' });
    expect(JSON.stringify(body)).not.toContain(secret);
    expect((await millrace.api.send('GET', `/v1/flows/${flowId}/jobs/latest`)).status).toBe(204);
  });

  it('are kept: each step, and what it said to its application', async () => {
    const { flowId, exportId, lookupId } = await makeFlow();
    const { body } = await post<TestRun>(`/v1/flows/${flowId}/test/run`, {});
    const { _runId } = (body as unknown as { metadata: { _runId: string } }).metadata;
    const path = `/v1/flows/${flowId}/test/run/${_runId}`;
    for (const job of body.childJobs) {
      const stepId = job._exportId ?? job._importId ?? job.routerId;
      expect(await millrace.api.call('GET', `${path}/${stepId}`)).toEqual({ stages: job.stages });
    }
    const exchanges = await millrace.api.call<{ logs: { request: unknown; response: unknown }[] }>(
      'GET',
      `${path}/${lookupId}/logs/requestAndResponse`,
    );
    expect(exchanges.logs).toHaveLength(4);
    expect(exchanges.logs[0]).toMatchObject({
      request: { method: 'GET', url: expect.stringContaining('/items') },
      response: { statusCode: 200 },
    });
    expect(JSON.stringify(exchanges)).not.toContain(secret);
    for (const [api, wrong] of [
      [millrace.api, `${path}/${unknownId}`],
      [millrace.api, `/v1/flows/${flowId}/test/run/${unknownId}/${exportId}`],
      [millrace.api, `/v1/flows/${unknownId}/test/run/${_runId}/${exportId}`],
      [other, `${path}/${exportId}`],
    ] as const) {
      expect((await api.send('GET', wrong)).status).toBe(404);
    }
  });

  it('take mocks in place of sources, lookups and destinations', async () => {
    const { flowId, exportId, lookupId, importId } = await makeFlow({
      export: { mockOutput: { page_of_records: [{ record: { id: 100, name: 'mocked' } }] } },
      import: { mockResponse: [{ statusCode: 200, id: 'm1', _json: { id: 'm1' } }] },
    });
    const before = shop.app.requests.length;
    const { body } = await post<TestRun>(`/v1/flows/${flowId}/test/run`, {
      mocks: { [lookupId]: [{ name: 'found by mock' }] },
    });
    expect(shop.app.requests).toHaveLength(before);
    expect(stagesOf(body, exportId)).toMatchObject({ parse: { output: [{ id: 100, name: 'mocked' }] } });
    expect(stagesOf(body, lookupId)['responseMap']?.output).toEqual([
      { id: 100, name: 'mocked', found: 'found by mock' },
    ]);
    expect(stagesOf(body, importId)['responseMap']?.output?.[0]).toMatchObject({ imported: 'm1' });
    const failing = await post<TestRun>(`/v1/flows/${flowId}/test/run`, {
      mocks: { [lookupId]: [], [importId]: [{ statusCode: 422, errors: [{ code: 'closed', message: 'no' }] }] },
    });
    expect(failing.body.flowJob).toMatchObject({ status: 'completed', numSuccess: 0, numError: 1 });
  });

  it('show which branches records took', async () => {
    const { flowId } = await makeFlow({
      flow: {
        pageProcessors: undefined,
        routers: [
          {
            id: 'byParity',
            branches: [
              {
                name: 'small',
                inputFilter: { version: '1', rules: ['lessthan', ['number', ['extract', 'id']], 2] },
                pageProcessors: [],
              },
              { name: 'rest', pageProcessors: [] },
            ],
          },
        ],
      },
    });
    const { body } = await post<TestRun>(`/v1/flows/${flowId}/test/run`);
    expect(stagesOf(body, 'byParity')['router']?.output).toEqual([[0], [0], [1], [1]]);
  });

  it('say why there is no page', async () => {
    const { flowId } = await makeFlow({
      export: { http: { relativeURI: '/items', response: { successPath: 'missing' } } },
    });
    const { body } = await post<TestRun>(`/v1/flows/${flowId}/test/run`);
    expect(body.flowJob).toMatchObject({
      status: 'failed',
      failure: { code: 'response_failure', source: 'application' },
      numPagesGenerated: 0,
    });
  });

  it('are refused for enabled flows, foreign ones and strange generators', async () => {
    const { flowId } = await makeFlow();
    const strange = await post<Refused>(`/v1/flows/${flowId}/test/run`, { _exportId: unknownId });
    expect([strange.status, strange.body.errors[0]?.code]).toEqual([422, 'invalid_ref']);
    const foreign = await other.send('POST', `/v1/flows/${flowId}/test/run`, {});
    expect(foreign.status).toBe(404);
    await millrace.api.call('PATCH', `/v1/flows/${flowId}`, [{ op: 'replace', path: '/disabled', value: false }]);
    const enabled = await post<Refused>(`/v1/flows/${flowId}/test/run`, {});
    expect([enabled.status, enabled.body.errors[0]?.code]).toEqual([403, 'flow_enabled']);
  });
});

describe('templates by themselves', () => {
  it.each([
    ['Dear {{record.name}}', { record: { name: 'Ærø & co' } }, 'text', 'Dear Ærø & co'],
    ['/find?q={{record.name}}', { record: { name: 'a b&c' } }, 'uri', '/find?q=a%20b%26c'],
    ['select {{record.name}}', { record: { name: "o'neil" } }, 'sql', "select 'o''neil'"],
  ])('%s', async (template, data, target, expected) => {
    const { status, body } = await post('/v1/processors/handlebars', { template, data, target });
    expect({ status, body }).toEqual({ status: 200, body: { data: expected, errors: [] } });
  });

  it('say why one cannot be rendered', async () => {
    const { body } = await post<Refused>('/v1/processors/handlebars', { template: '{{#each', data: {} });
    expect(body.errors).toMatchObject([{ code: 'handlebars_template_parse_error' }]);
  });
});

describe('scripts by themselves', () => {
  const content = `
    function add(options) { console.log('adding'); console.debug('really'); return { sum: options.a + options.b }; }
    function fail() { throw new Error('no'); }
    function spin() { for (;;); }
  `;

  it('answer what the function returned, and what it wrote', async () => {
    const { status, body } = await post('/v1/processors/javascript', {
      content,
      function: 'add',
      options: { a: 1, b: 2 },
    });
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        data: { sum: 3 },
        errors: [],
        logs: [
          { level: 'info', message: 'adding', time: expect.any(String) },
          { level: 'debug', message: 'really', time: expect.any(String) },
        ],
      },
    });
  });

  it('may be stored ones', async () => {
    const _scriptId = await millrace.api.create('scripts', { name: 'Adds', content });
    const { body } = await post('/v1/processors/javascript', { _scriptId, function: 'add', options: { a: 2, b: 2 } });
    expect(body).toMatchObject({ data: { sum: 4 } });
  });

  it.each(['fail', 'spin', 'absent'])('say why %s gave nothing', async (name) => {
    const { status, body } = await post<Refused>('/v1/processors/javascript', { content, function: name });
    expect(status).toBe(200);
    expect(body.errors).toMatchObject([{ code: expect.any(String), message: expect.stringMatching(/\S/) }]);
  });

  it('run as hooks of what is previewed', async () => {
    const _scriptId = await millrace.api.create('scripts', {
      name: 'Hooks',
      content: `
        function keepEven(options) { return { data: options.data.filter((r) => r.id % 2 === 0), errors: [] }; }
        function shout(options) { return options.postMapData.map((r) => ({ data: { ...r, title: r.title.toUpperCase() } })); }
      `,
    });
    const preview = await post<Preview>('/v1/exports/preview', {
      _connectionId: connectionId,
      ...items({ hooks: { preSavePage: { _scriptId, function: 'keepEven' } } }),
    });
    expect(idsOf(preview.body).every((id) => id % 2 === 0)).toBe(true);
    expect(preview.body.stages.at(-1)?.name).toBe('preSavePageHook');
    const mapped = await post(`/v1/connections/${connectionId}/import/map`, {
      import: entries({ hooks: { postMap: { _scriptId, function: 'shout' } } }),
      data: records.slice(0, 1),
    });
    expect(mapped.body).toEqual([{ id: 1, title: 'ONE' }]);
  });
});

describe('what cannot be tried out is refused', () => {
  it.each<[string, string, object, number, string, string | undefined]>([
    ['no export', '/v1/connections/:id/export', {}, 422, 'missing_required_field', 'export'],
    ['an export that is none', '/v1/connections/:id/export', { export: 7 }, 422, 'invalid_field_value', 'export'],
    [
      'an unknown adaptor',
      '/v1/connections/:id/export',
      { export: { adaptorType: 'FTPExport' } },
      422,
      'unsupported_type',
      'export.adaptorType',
    ],
    [
      'a malformed method',
      '/v1/connections/:id/export',
      { export: { http: { method: 'FETCH' } } },
      422,
      'enum',
      'export.http.method',
    ],
    ['no records', '/v1/connections/:id/import', { import: entries() }, 422, 'missing_required_field', 'data'],
    [
      'records that are none',
      '/v1/connections/:id/import',
      { import: entries(), data: [1] },
      422,
      'invalid_field_value',
      'data[0]',
    ],
    ['no record to preview', '/v1/imports/preview', { ...entries() }, 422, 'missing_required_field', '_connectionId'],
    [
      'an unknown connection',
      '/v1/exports/preview',
      { _connectionId: unknownId, ...items() },
      422,
      'invalid_ref',
      '_connectionId',
    ],
    ['an unknown target', '/v1/processors/handlebars', { template: 'x', target: 'html' }, 422, 'enum', 'target'],
    ['no script', '/v1/processors/javascript', { function: 'f' }, 422, 'invalid_request', '_scriptId'],
  ])('%s', async (_, path, body, status, code, field) => {
    const answer = await post<Refused>(path.replace(':id', connectionId), body);
    expect([answer.status, answer.body.errors[0]?.code, answer.body.errors[0]?.field]).toEqual([status, code, field]);
  });

  it('an export that cannot be executed as it is configured', async () => {
    const { status, body } = await post<Refused>(`/v1/connections/${connectionId}/export`, {
      export: { http: { relativeURI: '/items' }, type: 'blob' },
    });
    expect({ status, body }).toMatchObject({
      status: 422,
      body: { errors: [{ code: 'invalid_flow', message: expect.stringContaining('blob') }] },
    });
  });

  it.each(['export', 'export/pages', 'import', 'import/map'])('another account’s connection: %s', async (path) => {
    const body = { export: items(), import: entries(), data: records };
    const { status } = await other.send('POST', `/v1/connections/${connectionId}/${path}`, body);
    expect(status).toBe(404);
  });

  it('another account’s export, import, script and connection of an unsaved document', async () => {
    const [exportId, importId, scriptId] = await Promise.all([
      millrace.api.create('exports', { name: 'E', _connectionId: connectionId, ...items() }),
      millrace.api.create('imports', { name: 'I', _connectionId: connectionId, ...entries() }),
      millrace.api.create('scripts', { name: 'S', content: 'function f() {}' }),
    ]);
    const statuses = await Promise.all([
      other.send('POST', `/v1/exports/${exportId}/invoke`),
      other.send('POST', `/v1/imports/${importId}/invoke`, records),
      other.send('POST', '/v1/processors/javascript', { _scriptId: scriptId, function: 'f' }),
      other.send('POST', '/v1/exports/preview', { _connectionId: connectionId, ...items() }),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([404, 404, 404, 422]);
  });

  it('an address beyond the network policy, as in runs', async () => {
    const http = { formType: 'http', baseURI: 'http://169.254.169.254', mediaType: 'json' };
    const id = await millrace.api.create('connections', { name: 'Metadata', type: 'http', http });
    const { body } = await post<Page>(`/v1/connections/${id}/export`, { export: { http: { relativeURI: '/latest' } } });
    expect(body).toMatchObject({ data: [], errors: [{ code: 'egress_refused', source: 'connection' }] });
  });
});

describe('who waits', () => {
  let slow: FakeApp;
  let slowId: string;
  const arrived: ReceivedRequest[] = [];

  beforeAll(async () => {
    slow = await FakeApp.start();
    slow.answer((request) => {
      arrived.push(request);
      return { hang: true };
    });
    const http = { formType: 'http', baseURI: slow.url, mediaType: 'json' };
    slowId = await millrace.api.create('connections', { name: 'Slow', type: 'http', http });
  });
  afterAll(async () => {
    await slow?.close();
  });

  const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
    const deadline = Date.now() + 15_000;
    while (!(await condition())) {
      if (Date.now() > deadline) throw new Error(`Not so in time: ${condition.toString()}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  it('and goes away frees the place, and the fifth at a time is asked to come again', async () => {
    const gone = new AbortController();
    const ask = (signal?: AbortSignal): Promise<Response> =>
      fetch(`${millrace.api.url}/v1/connections/${slowId}/export`, {
        method: 'POST',
        headers: { authorization: `Bearer ${millrace.api.token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ export: { http: { relativeURI: '/wait' } } }),
        ...(signal === undefined ? {} : { signal }),
      });
    const waiting = Array.from({ length: 4 }, () => ask(gone.signal).catch((error: unknown) => error));
    await until(() => arrived.length === 4);
    const fifth = await ask();
    expect([fifth.status, ((await fifth.json()) as Refused).errors[0]?.code]).toEqual([429, 'too_many_try_outs']);
    expect(fifth.headers.get('retry-after')).toBe('1');
    gone.abort();
    await Promise.all(waiting);
    const template = { template: 'x', data: {} };
    await until(async () => (await post('/v1/processors/handlebars', template)).status === 200);
  });
});
