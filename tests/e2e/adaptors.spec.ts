import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { FakeApp } from '#testing/fake-app';
import { createTestDatabase, type TestDatabase } from '#testing/postgres';
import { childOf } from '../support/api.js';
import { Standalone } from '../support/standalone.js';

let millrace: Standalone;
let folder: string;
let database: TestDatabase;
let client: pg.Client;
let files: string;
let warehouse: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-files-'));
  [millrace, database] = await Promise.all([
    Standalone.start({ MILLRACE_FILESYSTEM_ROOT: folder }),
    createTestDatabase(),
  ]);
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const url = new URL(database.url);
  files = await millrace.api.create('connections', { name: 'Folder', type: 'filesystem', filesystem: {} });
  warehouse = await millrace.api.create('connections', {
    name: 'Warehouse',
    type: 'rdbms',
    rdbms: {
      type: 'postgresql',
      host: url.hostname,
      port: Number(url.port),
      database: url.pathname.slice(1),
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
    },
  });
});
afterAll(async () => {
  await client?.end();
  await Promise.all([millrace?.stop(), database?.drop(), rm(folder, { recursive: true, force: true })]);
});

const field = (generate: string, extract: string, dataType = 'string'): object => ({
  generate,
  extract,
  dataType,
  status: 'Active',
});

describe('a CSV file into PostgreSQL', () => {
  it('becomes rows; a second delivery updates them, a bad row fails alone', async () => {
    const { api } = millrace;
    await client.query('create table parts (id int primary key, name text not null, price numeric check (price >= 0))');
    const rows = Array.from({ length: 2_500 }, (_, id) => `${id},"part ""${id}""",${id === 77 ? -1 : id / 4}`);
    await writeFile(join(folder, 'parts.csv'), `id,name,price\n${rows.join('\n')}\n`);
    const exportId = await api.create('exports', {
      name: 'Parts',
      _connectionId: files,
      adaptorType: 'FileSystemExport',
      pageSize: 500,
      filesystem: { directoryPath: '/' },
      file: {
        type: 'csv',
        output: 'records',
        skipDelete: true,
        fileNameStartsWith: 'parts',
        csv: { hasHeaderRow: true },
      },
    });
    const importId = await api.create('imports', {
      name: 'Parts',
      _connectionId: warehouse,
      adaptorType: 'RDBMSImport',
      rdbms: { queryType: ['bulk_load'], bulkLoad: { tableName: 'parts', primaryKeys: ['id'] } },
      mappings: [field('id', '$.id', 'number'), field('name', '$.name'), field('price', '$.price', 'number')],
    });
    const flowId = await api.create('flows', {
      name: 'Parts',
      disabled: false,
      pageGenerators: [{ _exportId: exportId }],
      pageProcessors: [{ type: 'import', _importId: importId }],
    });
    for (const _round of ['first', 'second']) {
      const job = await api.finished(await api.run(flowId));
      expect(job).toMatchObject({ status: 'completed', numSuccess: 2_499, numError: 1 });
    }
    const { rows: stored } = await client.query(
      'select count(*)::int as n, max(name) filter (where id = 3) as name from parts',
    );
    expect(stored).toEqual([{ n: 2_499, name: 'part "3"' }]);
    const errors = await api.errors(flowId, importId);
    expect(errors.map((e) => [e.code, e.classification])).toEqual([
      ['23514', 'value'],
      ['23514', 'value'],
    ]);
  });
});

describe('PostgreSQL through a lookup over HTTP into a file', () => {
  it('enriches each record with the response and writes JSON lines', async () => {
    const { api } = millrace;
    await client.query('create table orders as select id, (id % 3) as customer from generate_series(1, 120) id');
    const customers = await FakeApp.start((request) => {
      const id = request.path.split('/').at(-1);
      return id === '2'
        ? { status: 404, body: { message: 'no such customer' } }
        : { body: { id, name: `Customer ${id}` } };
    });
    const http = await api.create('connections', {
      name: 'Customers',
      type: 'http',
      http: { formType: 'http', baseURI: customers.url, mediaType: 'json' },
    });
    const exportId = await api.create('exports', {
      name: 'Orders',
      _connectionId: warehouse,
      adaptorType: 'RDBMSExport',
      pageSize: 50,
      rdbms: { query: 'select id, customer from orders where id > {{{settings.flow.after}}} order by id' },
    });
    const lookupId = await api.create('exports', {
      name: 'Customer',
      isLookup: true,
      _connectionId: http,
      adaptorType: 'HTTPExport',
      http: { formType: 'http', method: 'GET', relativeURI: '/customers/{{record.customer}}' },
    });
    const importId = await api.create('imports', {
      name: 'Orders file',
      _connectionId: files,
      adaptorType: 'FileSystemImport',
      filesystem: { directoryPath: '/out' },
      file: { fileName: 'orders.json', type: 'json', skipAggregation: false, aggregation: { type: 'all' } },
      mappings: [field('order', '$.id', 'number'), field('customer', '$.customerName')],
    });
    const flowId = await api.create('flows', {
      name: 'Orders with customers',
      disabled: false,
      settings: { after: 20 },
      pageGenerators: [{ _exportId: exportId }],
      pageProcessors: [
        {
          type: 'export',
          _exportId: lookupId,
          responseMapping: { fields: [{ extract: 'data[0].name', generate: 'customerName' }], lists: [] },
        },
        { type: 'import', _importId: importId },
      ],
    });
    const job = await api.finished(await api.run(flowId));
    const errors = await api.errors(flowId, lookupId);
    const unknown = Array.from({ length: 100 }, (_, i) => i + 21).filter((id) => id % 3 === 2).length;
    expect(job).toMatchObject({ status: 'completed', numSuccess: 100 - unknown, numError: unknown });
    expect(childOf(job, exportId)).toMatchObject({ numSuccess: 100, numPagesGenerated: 2 });
    expect(childOf(job, lookupId)).toMatchObject({ type: 'export', numSuccess: 100 - unknown, numError: unknown });
    expect(new Set(errors.map((e) => [e.code, e.classification].join()))).toEqual(new Set(['404,missing']));
    const [name] = (await readdir(join(folder, 'out'))).filter((file) => !file.startsWith('.'));
    const text = await readFile(join(folder, 'out', name ?? ''), 'utf8');
    const written = (
      text.trimStart().startsWith('[')
        ? JSON.parse(text)
        : text
            .trim()
            .split('\n')
            .map((l) => JSON.parse(l))
    ) as {
      order: number;
      customer: string;
    }[];
    expect(written).toHaveLength(100 - unknown);
    expect(written.every(({ order, customer }) => customer === `Customer ${order % 3}`)).toBe(true);
    await customers.close();
  });
});

describe('a delta export', () => {
  it('asks for changes since the last successful run, and a failed run does not move the window', async () => {
    const { api } = millrace;
    const windows: (string | null)[] = [];
    let fails = false;
    const app = await FakeApp.start((request) => {
      if (request.method === 'POST') return { body: {} };
      windows.push(request.query.get('since'));
      return fails ? { status: 400, body: {} } : { body: [{ id: 1 }] };
    });
    const connection = await api.create('connections', {
      name: 'Changes',
      type: 'http',
      http: { formType: 'http', baseURI: app.url, mediaType: 'json' },
    });
    const exportId = await api.create('exports', {
      name: 'Changes',
      _connectionId: connection,
      adaptorType: 'HTTPExport',
      type: 'delta',
      delta: { startDate: '2026-01-01T00:00:00.000Z', lagOffset: 1_000 },
      http: { formType: 'http', method: 'GET', relativeURI: '/changes?since={{lastExportDateTime}}' },
    });
    const importId = await api.create('imports', {
      name: 'Sink',
      _connectionId: connection,
      adaptorType: 'HTTPImport',
      http: { formType: 'http', method: ['POST'], relativeURI: ['/'] },
    });
    const flowId = await api.create('flows', {
      name: 'Changes',
      disabled: false,
      pageGenerators: [{ _exportId: exportId }],
      pageProcessors: [{ type: 'import', _importId: importId }],
    });
    const runOnce = async (): Promise<{ status: string; startedAt: string }> => {
      const job = await api.finished(await api.run(flowId));
      return job as unknown as { status: string; startedAt: string };
    };
    const first = await runOnce();
    fails = true;
    const second = await runOnce();
    fails = false;
    const third = await runOnce();
    await app.close();
    expect([first.status, second.status, third.status]).toEqual(['completed', 'failed', 'completed']);
    const afterFirst = new Date(Date.parse(first.startedAt) - 1_000).toISOString();
    expect(windows.map((w) => (w === null ? null : new Date(w).toISOString()))).toEqual([
      '2026-01-01T00:00:00.000Z',
      afterFirst,
      afterFirst,
    ]);
  });
});
