import { mkdtemp, rm, writeFile } from 'node:fs/promises';
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
let crm: FakeApp;
let files: string;
let warehouse: string;
let application: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-lookups-'));
  [millrace, database, crm] = await Promise.all([
    Standalone.start({ MILLRACE_FILESYSTEM_ROOT: folder }),
    createTestDatabase(),
    FakeApp.start(),
  ]);
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const url = new URL(database.url);
  const { api } = millrace;
  files = await api.create('connections', { name: 'Folder', type: 'filesystem', filesystem: {} });
  warehouse = await api.create('connections', {
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
  application = await api.create('connections', {
    name: 'CRM',
    type: 'http',
    http: { formType: 'http', baseURI: crm.url, mediaType: 'json' },
  });
});
afterAll(async () => {
  await client?.end();
  await Promise.all([millrace?.stop(), crm?.close(), database?.drop(), rm(folder, { recursive: true, force: true })]);
});

const field = (generate: string, extract: string, more: object = {}): object => ({
  generate,
  extract,
  dataType: 'string',
  status: 'Active',
  ...more,
});

/** A CSV file as export, an import, and a flow from one to the other. */
async function flowOf(
  name: string,
  rows: readonly string[],
  step: object,
  source: object = {},
): Promise<{ flowId: string; importId: string }> {
  const { api } = millrace;
  await writeFile(join(folder, `${name}.csv`), rows.join('\n'));
  const exportId = await api.create('exports', {
    name,
    _connectionId: files,
    adaptorType: 'FileSystemExport',
    pageSize: 10,
    filesystem: { directoryPath: '/' },
    file: { type: 'csv', skipDelete: true, fileNameStartsWith: name, csv: { hasHeaderRow: true, ...source } },
  });
  const importId = await api.create('imports', { name, ...step });
  const flowId = await api.create('flows', {
    name,
    disabled: false,
    pageGenerators: [{ _exportId: exportId }],
    pageProcessors: [{ type: 'import', _importId: importId }],
  });
  return { flowId, importId };
}

describe('a composite import over HTTP', () => {
  it('finds each customer by a lookup, updates those there are and creates the others', async () => {
    const { api } = millrace;
    const known = new Map(Array.from({ length: 10 }, (_, n) => [`m${n}@x.org`, `c${n}`]));
    crm.answer(({ method, path, query }) => {
      if (method !== 'GET') return { body: { id: path } };
      const mail = query.get('mail') ?? '';
      if (mail === 'm3@x.org') return { status: 422, body: { message: 'mails with 3 are not searched' } };
      const id = known.get(mail);
      return { body: { customers: id === undefined ? [] : [{ id }] } };
    });
    const rows = Array.from({ length: 25 }, (_, n) => `m${n}@x.org,Name ${n}`);
    const { flowId, importId } = await flowOf('customers', ['mail,name', ...rows], {
      _connectionId: application,
      adaptorType: 'HTTPImport',
      lookups: [
        { name: 'customer', relativeURI: '/search?mail={{record.mail}}', extract: 'customers[*].id' },
        { name: 'never', relativeURI: '/never', extract: 'id' },
      ],
      http: {
        requestType: ['UPDATE', 'CREATE'],
        method: ['PUT', 'POST'],
        relativeURI: ['/customers/{{lookup.customer}}', '/customers'],
        existingLookupName: 'customer',
      },
      mappings: [
        field('name', '$.name'),
        field('source', 'import', { conditional: { when: 'record_created' } }),
        field('crmId', '', { lookupName: 'customer', conditional: { when: 'record_updated' } }),
        field('draft', '', { lookupName: 'never', status: 'Draft' }),
      ],
    });
    const job = await api.finished(await api.run(flowId));
    expect(job).toMatchObject({ status: 'completed', numSuccess: 24, numError: 1 });
    expect(await api.errors(flowId, importId)).toMatchObject([{ source: 'lookup', code: '422' }]);
    const sent = crm.requests.filter(({ method }) => method !== 'GET');
    expect(sent.filter(({ method }) => method === 'PUT')).toHaveLength(9);
    expect(sent.find(({ path }) => path === '/customers/c7')?.json).toEqual({ name: 'Name 7', crmId: 'c7' });
    expect(sent.filter(({ method }) => method === 'POST').map(({ json }) => json)).toContainEqual({
      name: 'Name 20',
      source: 'import',
    });
    expect(crm.requests.some(({ path }) => path === '/never')).toBe(false);
  });
});

describe('ignoreExisting with a lookup over HTTP', () => {
  it('counts what exists as ignored, and asks equal questions once', async () => {
    const { api } = millrace;
    crm.clear();
    crm.answer(({ method, path }) => {
      if (method !== 'GET') return { body: {} };
      return path.endsWith('/a') ? { body: { id: 1 } } : { status: 404, body: {} };
    });
    const { flowId, importId } = await flowOf('skipped', ['key', 'a', 'a', 'a', 'b', 'c'], {
      _connectionId: application,
      adaptorType: 'HTTPImport',
      ignoreExisting: true,
      http: {
        method: ['POST'],
        relativeURI: ['/things'],
        ignoreLookupName: 'thing',
        lookups: [{ name: 'thing', relativeURI: '/things/{{record.key}}', extract: 'id' }],
      },
    });
    const job = await api.finished(await api.run(flowId));
    expect(job).toMatchObject({ status: 'completed', numSuccess: 2, numIgnore: 3, numError: 0 });
    expect(childOf(job, importId)).toMatchObject({ numSuccess: 2, numIgnore: 3 });
    expect(crm.requests.filter(({ method }) => method === 'GET')).toHaveLength(3);
  });
});

describe('lookups in SQL', () => {
  it('give values to mappings and queries, and decide between insert and update', async () => {
    const { api } = millrace;
    await client.query('create table countries (code text primary key, name text)');
    await client.query("insert into countries values ('nl', 'Netherlands'), ('be', 'Belgium')");
    await client.query('create table stock (sku text primary key, country text, touched int not null default 0)');
    await client.query("insert into stock values ('s1', 'old', 1)");
    const { flowId, importId } = await flowOf('stock', ['sku,cc', 's1,nl', 's2,be', "s3,'; drop table stock; --"], {
      _connectionId: warehouse,
      adaptorType: 'RDBMSImport',
      rdbms: {
        queryType: ['INSERT', 'UPDATE'],
        query: [
          'insert into stock values ({{record.sku}}, {{record.country}})',
          'update stock set country = {{record.country}}, touched = {{lookup.known}} + 1 where sku = {{record.sku}}',
        ],
        updateLookupName: 'known',
        lookups: [
          { name: 'known', query: 'select touched from stock where sku = {{record.sku}}' },
          { name: 'country', query: 'select name from countries where code = {{record.cc}}' },
        ],
      },
      mappings: [field('sku', '$.sku'), field('country', '$.cc', { lookupName: 'country' })],
    });
    const job = await api.finished(await api.run(flowId));
    expect(job).toMatchObject({ status: 'completed', numSuccess: 2, numError: 1 });
    expect(await api.errors(flowId, importId)).toMatchObject([{ source: 'lookup', code: 'lookup_failed' }]);
    const { rows } = await client.query('select * from stock order by sku');
    expect(rows).toEqual([
      { sku: 's1', country: 'Netherlands', touched: 2 },
      { sku: 's2', country: 'Belgium', touched: 0 },
    ]);
  });
});

describe('grouped rows of a file', () => {
  it('arrive as one record each, across pages and slices, with their rows in templates', async () => {
    const { api } = millrace;
    crm.clear();
    crm.answer({ body: {} });
    const orders = 2_500;
    const rows = Array.from({ length: orders * 3 }, (_, n) => `${Math.floor(n / 3)},${n % 3}`);
    const { flowId } = await flowOf(
      'orders',
      ['order,line', ...rows],
      {
        _connectionId: application,
        adaptorType: 'HTTPImport',
        http: { method: ['POST'], relativeURI: ['/orders/{{rows.0.order}}'] },
        mappings: [
          field('lines', '', {
            dataType: 'stringarray',
            buildArrayHelper: [{ extract: '$[*].line' }],
          }),
        ],
      },
      { keyColumns: ['order'] },
    );
    const job = await api.finished(await api.run(flowId));
    expect(job).toMatchObject({ status: 'completed', numSuccess: orders, numError: 0, numPagesGenerated: orders / 10 });
    expect(new Set(crm.requests.map(({ path }) => path)).size).toBe(orders);
    expect(crm.requests.every(({ body }) => body === '{"lines":["0","1","2"]}')).toBe(true);
  });
});

describe('idLockTemplate', () => {
  it('never has two records of one key under way, over pages and workers, while others are', async () => {
    const { api } = millrace;
    const underWay = new Map<string, number>();
    let overlaps = 0;
    crm.clear();
    crm.answer(async ({ json }) => {
      const { key } = json as { key: string };
      const now = (underWay.get(key) ?? 0) + 1;
      underWay.set(key, now);
      if (now > 1) overlaps += 1;
      await new Promise((resolve) => setTimeout(resolve, 2));
      underWay.set(key, now - 1);
      return { body: {} };
    });
    const rows = Array.from({ length: 300 }, (_, n) => `k${n % 7},${n}`);
    const { flowId } = await flowOf('locked', ['key,n', ...rows], {
      _connectionId: application,
      adaptorType: 'HTTPImport',
      idLockTemplate: '{{record.key}}',
      http: { method: ['POST'], relativeURI: ['/locked'] },
    });
    const job = await api.finished(await api.run(flowId));
    expect(job).toMatchObject({ status: 'completed', numSuccess: 300, numError: 0 });
    expect(overlaps).toBe(0);
    expect(crm.peakConcurrency).toBeGreaterThan(1);
    expect(crm.requests).toHaveLength(300);
  });
});
