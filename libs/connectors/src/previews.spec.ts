import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { PreparedRecord } from '#engine';
import type { Connection, Export, Import } from '#model';
import { createStepContext, createTestHost } from '#testing/connector-host';
import { filesystemAdaptor } from './filesystem/index.js';
import { httpAdaptor } from './http/index.js';
import type { Adaptor, OutboundCall, PlannedRequest } from './ports.js';
import { rdbmsAdaptor } from './rdbms/index.js';
import { HttpTestBed, ids, readAll } from './testing/http-test-bed.js';
import { wrapperAdaptor } from './wrapper/index.js';

type StoredConnection = Connection & { readonly _id: string };

const page = { generator: 'export1', page: 0 };
const prepared = ids(1, 3).map((record, index): PreparedRecord => ({ index, record, mapped: record }));

/** What an import would send for three records. */
function preview(
  adaptor: Adaptor,
  connection: StoredConnection,
  step: Partial<Import>,
  host = createTestHost(),
  records = prepared,
): Promise<readonly PlannedRequest[]> {
  const destination = adaptor.createDestination({ _id: 'import1', name: 'import', ...step }, host);
  return destination.preview(page, records, createStepContext(connection));
}

describe('the preview of an HTTP import', () => {
  let bed: HttpTestBed;
  beforeEach(async () => {
    bed = await HttpTestBed.start();
  });
  afterEach(() => bed.stop());

  it.each<[string, NonNullable<Import['http']>, number[][]]>([
    ['record by record', { method: ['POST'], relativeURI: ['/items/{{record.id}}'] }, [[0], [1], [2]]],
    ['in batches', { method: ['POST'], relativeURI: ['/items'], batchSize: 2 }, [[0, 1], [2]]],
    [
      'by a body limit',
      { method: ['POST'], relativeURI: ['/items'], batchSize: 3, endPointBodyLimit: 20 },
      [[0, 1], [2]],
    ],
  ])('shows what is sent %s, and sends nothing', async (_, http, indices) => {
    const requests = await preview(httpAdaptor, bed.connection, { http }, bed.host);
    expect(bed.app.requests).toHaveLength(0);
    expect(requests.map((request) => request.indices)).toEqual(indices);
    bed.app.answer({ body: {} });
    await bed.submit(http, ids(1, 3));
    const sent = bed.app.requests.map(({ method, path, body, headers }) => ({
      method,
      target: bed.app.url + path,
      body,
      key: headers['idempotency-key'],
    }));
    const planned = requests.map(({ method, target, body, headers }) => ({
      method,
      target,
      body,
      key: headers?.['Idempotency-Key'],
    }));
    expect(planned).toEqual(expect.arrayContaining(sent));
  });

  it('chooses the request of a composite import by record', async () => {
    const http = {
      requestType: ['UPDATE', 'CREATE'],
      method: ['PUT', 'POST'],
      relativeURI: ['/items/{{record.id}}', '/items'],
      existingExtract: 'known',
    } as NonNullable<Import['http']>;
    const records = prepared.map((record, at) => ({
      ...record,
      operation: at === 0 ? ('update' as const) : ('create' as const),
    }));
    const requests = await preview(httpAdaptor, bed.connection, { http }, bed.host, records);
    expect(requests.map(({ method, target, indices }) => [method, target, indices])).toEqual([
      ['POST', `${bed.app.url}/items`, [1]],
      ['POST', `${bed.app.url}/items`, [2]],
      ['PUT', `${bed.app.url}/items/1`, [0]],
    ]);
  });

  it('asks for no token, and shows no secret', async () => {
    const secret = 'kept-from-everybody';
    const connection = bed.reconnect({
      auth: {
        type: 'oauth',
        oauth: {
          grantType: 'clientcredentials',
          tokenURI: `${bed.app.url}/token`,
          clientId: 'c',
          clientSecret: secret,
        },
      },
      headers: [{ name: 'X-Tenant', value: '{{{connection.http.auth.oauth.clientSecret}}}' }],
    }).connection;
    const http = {
      method: ['POST'],
      relativeURI: ['/items?s={{{connection.http.auth.oauth.clientSecret}}}'],
      body: [`{"a":"${secret}"}`],
    };
    const requests = await preview(httpAdaptor, connection, { http } as Partial<Import>, bed.host);
    expect(bed.app.requests).toHaveLength(0);
    expect(requests).toHaveLength(3);
    expect(JSON.stringify(requests)).not.toContain(secret);
    expect(requests[0]).toMatchObject({ headers: { 'X-Tenant': '******' }, body: '{"a":"******"}' });
  });

  it('says which record cannot be sent, and why', async () => {
    const http = { method: ['POST'], relativeURI: ['/items/{{record.missing}}'] };
    const requests = await preview(httpAdaptor, bed.connection, { http } as Partial<Import>, bed.host);
    expect(requests.map(({ indices, failure }) => [indices, failure?.code])).toEqual(
      [[0], [1], [2]].map((indices) => [indices, 'handlebars_template_parse_error']),
    );
  });
});

describe('the exchange of an outbound call', () => {
  it('is there for who watches, secrets removed', async () => {
    const calls: OutboundCall[] = [];
    const bed = await HttpTestBed.start(
      { auth: { type: 'basic', basic: { username: 'u', password: 'p4ssw0rd' } } },
      { observe: (call) => void calls.push(call) },
    );
    bed.app.answer({ body: [{ token: 'p4ssw0rd' }] });
    await bed.read({ relativeURI: '/items?key=p4ssw0rd' });
    await bed.stop();
    const [call] = calls;
    expect(call?.exchange?.()).toMatchObject({
      method: 'GET',
      url: expect.stringContaining('/items?key=******'),
      requestHeaders: { authorization: '******' },
      status: 200,
      responseBody: '[{"token":"******"}]',
    });
  });
});

describe('the preview of a database import', () => {
  const connection: StoredConnection = {
    _id: 'db1',
    name: 'db',
    type: 'rdbms',
    rdbms: { type: 'postgresql', host: '192.0.2.1', user: 'u', password: 'p4ssw0rd', database: 'd' },
  };

  it.each<[string, NonNullable<Import['rdbms']>, string[]]>([
    [
      'a statement per record, secrets removed',
      {
        queryType: ['per_record'],
        query: ["insert into t values ({{{record.id}}}, '{{{connection.rdbms.password}}}')"],
      },
      [
        "insert into t values (1, '******')",
        "insert into t values (2, '******')",
        "insert into t values (3, '******')",
      ],
    ],
    [
      'a statement per page',
      {
        queryType: ['per_page'],
        query: ['delete from t where id in ({{#each batch_of_records}}{{{record.id}}},{{/each}}0)'],
      },
      ['delete from t where id in (1,2,3,0)'],
    ],
    [
      'bulk inserts, with their rows',
      { queryType: ['bulk_insert'], bulkInsert: { tableName: 't', batchSize: '2' } },
      [expect.stringContaining('[{"id":1},{"id":2}]'), expect.stringContaining('[{"id":3}]')] as unknown as string[],
    ],
  ])('shows %s, without a connection', async (_, rdbms, bodies) => {
    const requests = await preview(rdbmsAdaptor, connection, { rdbms });
    expect(requests.map(({ body }) => body)).toEqual(bodies);
    expect(requests[0]).toMatchObject({ system: 'postgresql', target: '192.0.2.1:5432' });
  });
});

describe('files', () => {
  const connection: StoredConnection = { _id: 'fs1', name: 'fs', type: 'filesystem', filesystem: {} };
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'millrace-preview-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('are previewed without a folder or file being made', async () => {
    const step = {
      filesystem: { directoryPath: '/out/deep' },
      file: { fileName: 'items-{{record.id}}.csv', type: 'csv' },
    };
    const requests = await preview(
      filesystemAdaptor,
      connection,
      step as Partial<Import>,
      createTestHost({ filesystemRoot: root }),
    );
    expect(requests).toEqual([
      {
        system: 'filesystem',
        method: 'write',
        target: '/out/deep/items-1.csv',
        body: 'id\n1\n2\n3\n',
        indices: [0, 1, 2],
      },
    ]);
    expect(await readdir(root)).toEqual([]);
  });

  it('stay where they are when a test run has read them', async () => {
    await mkdir(join(root, 'in'));
    await writeFile(join(root, 'in', 'a.json'), '[{"id":1}]');
    const step = {
      _id: 'e1',
      name: 'e',
      filesystem: { directoryPath: '/in' },
      file: { backupPath: '/done' },
    } as Export & { _id: string };
    const { run, ...context } = createStepContext(connection);
    const source = filesystemAdaptor.createSource(step, createTestHost({ filesystemRoot: root }));
    const { records } = await readAll(source.read(null, { ...context, run: { ...run, testMode: true } }));
    expect(records).toEqual([{ id: 1 }]);
    expect(await readdir(root)).toEqual(['in']);
    expect(await readdir(join(root, 'in'))).toEqual(['a.json']);
  });
});

describe('the preview of an import in a stack', () => {
  it('shows the options that its function would get', async () => {
    const connection = {
      _id: 'w1',
      name: 'w',
      type: 'wrapper',
      wrapper: { _stackId: 's1', pingFunction: 'p' },
    } as StoredConnection;
    const [request, ...others] = await preview(wrapperAdaptor, connection, {
      wrapper: { function: 'save' },
    });
    expect(others).toEqual([]);
    expect(request).toMatchObject({ system: 'stack', method: 'save', target: 's1', indices: [0, 1, 2] });
    expect(JSON.parse(request?.body ?? '')).toMatchObject({ postMapData: ids(1, 3) });
  });
});
