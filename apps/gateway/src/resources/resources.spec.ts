import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { documents, type GatewayUnderTest, makeFlow, startGateway } from '../testing/gateway-under-test.js';

let gateway: GatewayUnderTest;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

type Doc = Record<string, unknown>;
const call = (...args: Parameters<GatewayUnderTest['alice']['call']>) => gateway.alice.call<Doc>(...args);
const unknownId = 'f'.repeat(24);
const codes = (body: unknown) =>
  (body as { errors: { code: string; field?: string }[] }).errors.map((error) =>
    `${error.code} ${error.field ?? ''}`.trim(),
  );

const secretConnection = {
  ...documents.connection,
  http: {
    ...documents.connection.http,
    auth: { type: 'token', token: { token: 't0ps3cret', refreshToken: 'r3fresh' } },
    encrypted: { apiKey: 'k3y' },
  },
};

describe.each([
  'integrations',
  'connections',
  'exports',
  'imports',
  'flows',
  'scripts',
  'stacks',
  'accesstokens',
] as const)('/v1/%s', (type) => {
  const base = `/v1/${type}`;
  const body = async (): Promise<Doc> => {
    if (type === 'connections') return documents.connection;
    if (type === 'exports') return documents.httpExport(await gateway.alice.make('connections', documents.connection));
    if (type === 'imports') return documents.httpImport(await gateway.alice.make('connections', documents.connection));
    if (type === 'stacks') return documents.stack;
    return { name: 'A' };
  };

  it('creates, reads, replaces, lists and deletes', async () => {
    const sent = await body();
    const made = await call('POST', base, { ...sent, _id: unknownId, createdAt: 'x', nonsense: 1 });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject(sent);
    expect(made.body).not.toHaveProperty('nonsense');
    const id = String(made.body['_id']);
    expect(id).toMatch(/^[0-9a-f]{24}$/);
    expect(id).not.toBe(unknownId);
    expect(made.body['createdAt']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

    const got = await call('GET', `${base}/${id}`);
    expect(got.status).toBe(200);
    if (type !== 'accesstokens') expect(got.body).toEqual(made.body);

    const replacement = { ...sent, name: 'B', ...(type === 'accesstokens' ? { revoked: true } : {}) };
    const put = await call('PUT', `${base}/${id}/`, replacement);
    expect(put.status).toBe(200);
    expect(put.body).toMatchObject({ _id: id, name: 'B', createdAt: made.body['createdAt'] });
    expect(Date.parse(String(put.body['lastModified']))).toBeGreaterThanOrEqual(
      Date.parse(String(made.body['lastModified'])),
    );

    const list = await gateway.alice.call<Doc[]>('GET', base);
    expect(list.body.map((row) => row['_id'])).toContain(id);

    expect(await call('DELETE', `${base}/${id}`)).toMatchObject({ status: 204, body: undefined });
    expect((await call('GET', `${base}/${id}`)).status).toBe(404);
    expect((await call('DELETE', `${base}/${id}`)).status).toBe(404);
  });

  it.each(['GET', 'PUT', 'DELETE', 'PATCH'] as const)('%s of unknown and malformed ids is 404', async (method) => {
    for (const id of [unknownId, 'abc', 'F'.repeat(24), '..%2f']) {
      const sent = method === 'PUT' ? await body() : method === 'PATCH' ? [] : undefined;
      const { status, body: answer } = await call(method, `${base}/${id}`, sent);
      expect({ status, code: codes(answer) }).toEqual({ status: 404, code: ['resource_not_found'] });
    }
  });
});

describe('PUT', () => {
  it('erases what is omitted, except what is documented', async () => {
    const id = await gateway.alice.make('flows', {
      name: 'F',
      description: 'd',
      schedule: '? 0 2 ? * *',
      disabled: true,
    });
    const { body } = await call('PUT', `/v1/flows/${id}`, { name: 'F' });
    expect(body).not.toHaveProperty('description');
    expect(body).not.toHaveProperty('schedule');
    expect(body).not.toHaveProperty('disabled');
  });

  it('keeps the content of a script, and omits it from the answer', async () => {
    const id = await gateway.alice.make('scripts', { name: 'S', content: 'function f() {}' });
    const put = await call('PUT', `/v1/scripts/${id}`, { name: 'T' });
    expect(put.body).not.toHaveProperty('content');
    expect((await call('GET', `/v1/scripts/${id}`)).body).toMatchObject({ name: 'T', content: 'function f() {}' });
  });
});

describe('secrets', () => {
  it('are masked on the way out and sealed at rest', async () => {
    const made = await call('POST', '/v1/connections', secretConnection);
    const id = String(made.body['_id']);
    const masks = { auth: { token: { token: '******', refreshToken: '******' } }, encrypted: '******' };
    expect(made.body).toMatchObject({ http: masks });
    expect((await call('GET', `/v1/connections/${id}`)).body).toMatchObject({ http: masks });
    const list = await gateway.alice.call<Doc[]>('GET', '/v1/connections');
    const stored = await gateway.store.documents.get(gateway.alice.accountId, 'connections', id);
    for (const text of [JSON.stringify(list.body), JSON.stringify(stored)]) {
      expect(text).not.toMatch(/t0ps3cret|r3fresh|k3y/);
    }
  });

  it('that come back masked are kept, others replaced, omitted ones lost', async () => {
    const id = await gateway.alice.make('connections', secretConnection);
    const { body } = await call('GET', `/v1/connections/${id}`);
    const http = body['http'] as Doc;
    await call('PUT', `/v1/connections/${id}`, {
      ...body,
      http: { ...http, auth: { type: 'token', token: { token: '******' } }, encrypted: { apiKey: 'n3w' } },
    });
    await call('POST', `/v1/connections/${id}/ping`);
    expect(gateway.tester.pinged.at(-1)?.http).toMatchObject({
      auth: { type: 'token', token: { token: 't0ps3cret' } },
      encrypted: { apiKey: 'n3w' },
    });
    expect(gateway.tester.pinged.at(-1)?.http?.auth?.token).not.toHaveProperty('refreshToken');
  });

  it('survive a patch', async () => {
    const id = await gateway.alice.make('connections', secretConnection);
    expect((await call('PATCH', `/v1/connections/${id}`, [{ op: 'replace', path: '/name', value: 'N' }])).status).toBe(
      204,
    );
    await call('GET', `/v1/connections/${id}/ping`);
    expect(gateway.tester.pinged.at(-1)).toMatchObject({
      name: 'N',
      http: { auth: { token: { token: 't0ps3cret', refreshToken: 'r3fresh' } }, encrypted: { apiKey: 'k3y' } },
    });
  });
});

describe('PATCH', () => {
  it('changes white-listed paths and answers 204', async () => {
    const id = await gateway.alice.make('flows', { name: 'F' });
    const patched = await call('PATCH', `/v1/flows/${id}`, [
      { op: 'replace', path: '/disabled', value: true },
      { op: 'replace', path: '/schedule', value: '? 0 2 ? * *' },
    ]);
    expect(patched).toMatchObject({ status: 204, body: undefined });
    expect((await call('GET', `/v1/flows/${id}`)).body).toMatchObject({ disabled: true, schedule: '? 0 2 ? * *' });
  });

  it.each<[string, object[], string]>([
    ['another path', [{ op: 'replace', path: '/_integrationId', value: null }], 'not_allowed /_integrationId'],
    ['a hostile path', [{ op: 'add', path: '/__proto__/x', value: 1 }], 'not_allowed /__proto__/x'],
    ['an invalid value', [{ op: 'replace', path: '/schedule', value: 'daily' }], 'invalid_field schedule'],
    ['a wrong type', [{ op: 'replace', path: '/disabled', value: 'yes' }], 'invalid_field_value disabled'],
  ])('refuses %s with 422 and changes nothing', async (_, patch, code) => {
    const id = await gateway.alice.make('flows', { name: 'F' });
    const { status, body } = await call('PATCH', `/v1/flows/${id}`, [
      { op: 'replace', path: '/name', value: 'G' },
      ...patch,
    ]);
    expect([status, codes(body)]).toEqual([422, [code]]);
    expect((await call('GET', `/v1/flows/${id}`)).body).toMatchObject({ name: 'F' });
  });

  it('clamps nothing it did not touch and keeps a script whole', async () => {
    const id = await gateway.alice.make('scripts', { name: 'S', content: 'x' });
    const until = new Date(Date.now() + 60_000).toISOString();
    await call('PATCH', `/v1/scripts/${id}`, [{ op: 'replace', path: '/debugUntil', value: until }]);
    expect((await call('GET', `/v1/scripts/${id}`)).body).toMatchObject({ content: 'x', debugUntil: until });
  });
});

describe('references', () => {
  it.each([
    ['unknown', unknownId, 422],
    ['malformed', 'abc', 400],
  ])('that are %s are invalid_ref', async (_, id, status) => {
    const answer = await call('POST', '/v1/exports', documents.httpExport(id));
    expect([answer.status, codes(answer.body)]).toEqual([status, ['invalid_ref _connectionId']]);
    const flow = await call('POST', '/v1/flows', { name: 'F', _integrationId: id });
    expect([flow.status, codes(flow.body)]).toEqual([status, ['invalid_ref _integrationId']]);
  });

  it('of another account do not exist', async () => {
    const id = await gateway.bob.make('connections', documents.connection);
    const answer = await call('POST', '/v1/exports', documents.httpExport(id));
    expect([answer.status, codes(answer.body)]).toEqual([422, ['invalid_ref _connectionId']]);
  });

  it('name the place inside a flow', async () => {
    const { exportId } = await makeFlow(gateway.alice);
    const { status, body } = await call('POST', '/v1/flows', {
      name: 'F',
      pageGenerators: [{ _exportId: exportId }],
      routers: [{ id: 'r', branches: [{ name: 'b', pageProcessors: [{ type: 'import', _importId: unknownId }] }] }],
      _runNextFlowIds: [unknownId],
    });
    expect(status).toBe(422);
    expect(codes(body)).toEqual([
      'invalid_ref routers[0].branches[0].pageProcessors[0]._importId',
      'invalid_ref _runNextFlowIds[0]',
    ]);
  });

  it('to lookups must lead to lookups', async () => {
    const { exportId, connectionId } = await makeFlow(gateway.alice);
    const lookupId = await gateway.alice.make('exports', { ...documents.httpExport(connectionId), isLookup: true });
    const withLookup = (_exportId: string) => ({ name: 'F', pageProcessors: [{ type: 'export', _exportId }] });
    expect(codes((await call('POST', '/v1/flows', withLookup(exportId))).body)).toEqual([
      'invalid_ref pageProcessors[0]._exportId',
    ]);
    expect((await call('POST', '/v1/flows', withLookup(lookupId))).status).toBe(201);
  });

  it('give exports their adaptor type, and must match it', async () => {
    const connectionId = await gateway.alice.make('connections', documents.connection);
    const inferred = await call('POST', '/v1/exports', { name: 'E', _connectionId: connectionId });
    expect(inferred.body).toMatchObject({ adaptorType: 'HTTPExport', apiIdentifier: expect.stringMatching(/^e/) });
    const wrong = { name: 'E', _connectionId: connectionId, adaptorType: 'RDBMSExport', rdbms: { query: 'select 1' } };
    expect(codes((await call('POST', '/v1/exports', wrong)).body)).toEqual(['invalid_connection_type _connectionId']);
  });

  it('borrow concurrency over one level only', async () => {
    const lender = await gateway.alice.make('connections', documents.connection);
    const borrowing = (id: string) => ({ ...documents.connection, _borrowConcurrencyFromConnectionId: id });
    const borrower = await gateway.alice.make('connections', borrowing(lender));
    expect(codes((await call('POST', '/v1/connections', borrowing(borrower))).body)).toEqual([
      'invalid_ref _borrowConcurrencyFromConnectionId',
    ]);
  });
});

describe('flows and integrations', () => {
  it('drop unknown groups, keep known ones, and refuse to carry them along', async () => {
    const made = await call('POST', '/v1/integrations', { name: 'I', flowGroupings: [{ name: 'G' }] });
    const first = String(made.body['_id']);
    const second = await gateway.alice.make('integrations', { name: 'J' });
    const [group] = made.body['flowGroupings'] as { _id: string }[];
    const flow = await call('POST', '/v1/flows', { name: 'F', _integrationId: first, _flowGroupingId: group!._id });
    expect(flow.body).toMatchObject({ _flowGroupingId: group!._id });
    const dropped = await call('POST', '/v1/flows', { name: 'F', _integrationId: first, _flowGroupingId: unknownId });
    expect(dropped.body).not.toHaveProperty('_flowGroupingId');
    const moved = await call('PUT', `/v1/flows/${String(flow.body['_id'])}`, {
      name: 'F',
      _integrationId: second,
      _flowGroupingId: group!._id,
    });
    expect([moved.status, codes(moved.body)]).toEqual([422, ['flowgrouping_not_belong _flowGroupingId']]);
  });

  it('list an integration’s flows, and keep it while it has some', async () => {
    const integrationId = await gateway.alice.make('integrations', { name: 'I' });
    expect((await call('GET', `/v1/integrations/${integrationId}/flows`)).status).toBe(204);
    const flowId = await gateway.alice.make('flows', { name: 'F', _integrationId: integrationId });
    const flows = await gateway.alice.call<Doc[]>('GET', `/v1/integrations/${integrationId}/flows`);
    expect(flows.body.map((flow) => flow['_id'])).toEqual([flowId]);
    const refused = await call('DELETE', `/v1/integrations/${integrationId}`);
    expect([refused.status, codes(refused.body)]).toEqual([422, ['not_allowed']]);
    await call('DELETE', `/v1/flows/${flowId}`);
    expect((await call('DELETE', `/v1/integrations/${integrationId}`)).status).toBe(204);
  });
});

describe('lists', () => {
  let list: GatewayUnderTest;
  beforeAll(async () => {
    list = await startGateway();
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await list.alice.make('integrations', { name, externalId: `x-${name}`, settings: { deep: { v: name } } });
    }
    const connectionId = await list.alice.make('connections', documents.connection);
    await list.alice.make('exports', documents.httpExport(connectionId));
    await list.alice.make('scripts', { name: 'S', content: 'secret sauce' });
    await list.alice.make('flows', { name: 'on' });
    await list.alice.make('flows', { name: 'off', disabled: true });
  });
  afterAll(() => list.close());
  const rows = (url: string) => list.alice.call<Doc[]>('GET', url);
  const names = async (url: string) => ((await rows(url)).body ?? []).map((row) => row['name']);

  it('are bare arrays; empty ones are 204 without Link', async () => {
    const empty = await rows('/v1/imports');
    expect([empty.status, empty.body, empty.headers['link']]).toEqual([204, undefined, undefined]);
    expect(await names('/v1/integrations')).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('page by Link, which is absent at the end', async () => {
    let url: string | null = '/v1/integrations?limit=2';
    const seen: unknown[] = [];
    const links: (string | undefined)[] = [];
    while (url) {
      const page: Awaited<ReturnType<typeof rows>> = await rows(url);
      seen.push(...page.body.map((row) => row['name']));
      links.push(page.headers['link']);
      url = /<([^>]+)>; rel="next"/.exec(page.headers['link'] ?? '')?.[1] ?? null;
    }
    expect(seen).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(links[0]).toBe('<http://localhost/v1/integrations?limit=2&skip=2>; rel="next"');
    expect(links[2]).toBe('<http://localhost/v1/integrations?limit=2&skip=2>; rel="prev"');
  });

  it('send no Link when there is nothing more, and self on exports always', async () => {
    expect((await rows('/v1/integrations')).headers['link']).toBeUndefined();
    const exports = await rows('/v1/exports/');
    expect(exports.headers['link']).toBe('<http://localhost/v1/exports/>; rel="self"');
    const one = await list.alice.call('GET', `/v1/exports/${String(exports.body[0]!['_id'])}`);
    expect(one.headers['link']).toContain('rel="self"');
  });

  it.each([
    ['/v1/integrations?name=b', ['b']],
    ['/v1/integrations?externalId=x-c', ['c']],
    ['/v1/flows?disabled=true', ['off']],
    ['/v1/flows?disabled=false', ['on']],
    ['/v1/connections?type=http', ['Shop']],
    ['/v1/connections?type=rdbms', []],
    ['/v1/exports?adaptorType=HTTPExport', ['Orders']],
    ['/v1/integrations?skip=4', ['e']],
    ['/v1/integrations?skip=9', []],
    ['/v1/integrations?limit=5000', ['a', 'b', 'c', 'd', 'e']],
  ])('%s', async (url, expected) => expect(await names(url)).toEqual(expected));

  it.each([
    'limit=0',
    'limit=-1',
    'limit=abc',
    'skip=1.5',
    'include=a&exclude=b',
    'include=a-b',
    'disabled=maybe',
    'name=a&name=b',
  ])('refuse ?%s with 400 invalid_query_params', async (query) => {
    const { status, body } = await rows(`/v1/integrations?${query}`);
    expect([status, codes(body)[0]?.split(' ')[0]]).toEqual([400, 'invalid_query_params']);
  });

  it('project', async () => {
    const [first] = (await rows('/v1/integrations?include=settings.deep&limit=1')).body;
    expect(first).toEqual({ _id: expect.any(String), name: 'a', settings: { deep: { v: 'a' } } });
    const [second] = (await rows('/v1/integrations?exclude=settings,name&limit=1')).body;
    expect(second).toMatchObject({ name: 'a', externalId: 'x-a' });
    expect(second).not.toHaveProperty('settings');
  });

  it('omit the content of scripts unless it is asked for', async () => {
    expect((await rows('/v1/scripts')).body[0]).not.toHaveProperty('content');
    expect((await rows('/v1/scripts?include=content')).body[0]).toMatchObject({ content: 'secret sauce' });
  });
});
