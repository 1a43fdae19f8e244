import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { eventually } from '#testing/eventually';
import { FakeApp } from '#testing/fake-app';
import { createTestDatabase, type TestDatabase } from '#testing/postgres';
import { childOf } from '../support/api.js';
import { Standalone } from '../support/standalone.js';

/** Exports of type `once` (runtime §3, resources §4.2-§4.5). */

interface Order {
  readonly id: number;
  exported: boolean;
}

let millrace: Standalone;
let app: FakeApp;
let orders: Order[];
/** ids in the order in which they came */
let delivered: number[];
let marked: number[];
/** idempotency keys of the requests that mark a record, by its id */
let keys: Map<number, Set<string>>;
/** status of the request that marks a record */
let markStatus: (id: number) => number;
let deliverStatus: (id: number) => number;
let connectionId: string;

beforeAll(async () => {
  [millrace, app] = await Promise.all([Standalone.start(), FakeApp.start()]);
  app.answer(({ path, method, json, query, headers }) => {
    if (method === 'GET') {
      const all = query.get('all') === 'true';
      return { body: orders.filter(({ exported }) => all || !exported) };
    }
    const { id } = json as { id: number };
    if (path === '/deliveries') {
      const status = deliverStatus(id);
      if (status < 300) delivered.push(id);
      return { status, body: { id: `d${id}` } };
    }
    keys.set(id, (keys.get(id) ?? new Set()).add(String(headers['idempotency-key'])));
    const status = markStatus(id);
    if (status < 300) {
      marked.push(id);
      for (const order of orders) if (order.id === id) order.exported = (json as Order).exported;
    }
    return { status, body: {} };
  });
  connectionId = await millrace.api.create('connections', {
    name: 'Shop',
    type: 'http',
    http: { formType: 'http', baseURI: app.url, mediaType: 'json' },
  });
});
afterAll(() => Promise.all([millrace?.stop(), app?.close()]));
beforeEach(() => {
  orders = Array.from({ length: 5 }, (_, at) => ({ id: at + 1, exported: false }));
  delivered = [];
  marked = [];
  keys = new Map();
  markStatus = () => 200;
  deliverStatus = () => 200;
});

const sorted = (ids: readonly number[]): number[] => ids.toSorted((a, b) => a - b);
const once = { relativeURI: '/orders/{{record.id}}', method: 'PUT', body: '{"id":{{record.id}},"exported":true}' };

async function flowOf(source: object = {}, processors?: (importId: string, second: string) => object) {
  const { api } = millrace;
  const exportId = await api.create('exports', {
    name: 'Orders',
    _connectionId: connectionId,
    type: 'once',
    pageSize: 2,
    http: { method: 'GET', relativeURI: '/orders', once },
    ...source,
  });
  const create = (name: string) =>
    api.create('imports', {
      name,
      _connectionId: connectionId,
      http: { method: ['POST'], relativeURI: ['/deliveries'], body: ['{"id":{{record.id}} }'] },
    });
  const [importId, second] = [await create('Deliveries'), await create('Again')];
  const flowId = await api.create('flows', {
    name: 'Once',
    pageGenerators: [{ _exportId: exportId }],
    ...(processors?.(importId, second) ?? { pageProcessors: [{ type: 'import', _importId: importId }] }),
  });
  return { flowId, exportId, importId, second };
}

describe('over HTTP', () => {
  it('marks each record once its page was processed; the next run finds none', async () => {
    const { api } = millrace;
    const { flowId, exportId } = await flowOf();
    expect(await api.finished(await api.run(flowId))).toMatchObject({ status: 'completed', numSuccess: 5 });
    expect(sorted(delivered)).toEqual([1, 2, 3, 4, 5]);
    expect(sorted(marked)).toEqual([1, 2, 3, 4, 5]);
    const again = await api.finished(await api.run(flowId));
    expect(childOf(again, exportId)).toMatchObject({ numSuccess: 0 });
    expect(delivered).toHaveLength(5);
  });

  it('leaves out records whose once.booleanField is true', async () => {
    const { api } = millrace;
    orders[1]!.exported = true;
    const { flowId, exportId } = await flowOf({
      once: { booleanField: 'exported' },
      http: { method: 'GET', relativeURI: '/orders?all=true', once },
    });
    const job = await api.finished(await api.run(flowId));
    expect(childOf(job, exportId)).toMatchObject({ numSuccess: 4, numIgnore: 1 });
    expect(sorted(marked)).toEqual([1, 3, 4, 5]);
  });

  it('marks what failed at a step too: it is an open error with its retry data', async () => {
    const { api } = millrace;
    deliverStatus = (id) => (id === 2 ? 422 : 200);
    const { flowId, importId } = await flowOf();
    expect(await api.finished(await api.run(flowId))).toMatchObject({ numSuccess: 4, numError: 1 });
    expect(sorted(marked)).toEqual([1, 2, 3, 4, 5]);
    expect(await api.errors(flowId, importId)).toMatchObject([{ retryDataKey: expect.any(String) }]);
  });

  it('a flag that cannot be written is an error of the generator, and the record comes again', async () => {
    const { api } = millrace;
    markStatus = (id) => (id === 4 ? 422 : 200);
    const { flowId, exportId } = await flowOf();
    const job = await api.finished(await api.run(flowId));
    expect(job).toMatchObject({ status: 'completed', numSuccess: 5, numError: 1 });
    expect(childOf(job, exportId)).toMatchObject({ numSuccess: 5, numError: 1 });
    const errors = await api.errors(flowId, exportId);
    expect(errors).toMatchObject([{ code: '422', source: 'application', traceKey: '4' }]);
    expect(errors[0]).not.toHaveProperty('retryDataKey');
    markStatus = () => 200;
    await api.finished(await api.run(flowId));
    expect(delivered.filter((id) => id === 4)).toHaveLength(2);
    expect(delivered).toHaveLength(6);
  });

  it('a run whose source fails at once leaves flags unchanged', async () => {
    const { api } = millrace;
    const { flowId } = await flowOf({
      http: { method: 'GET', relativeURI: '/orders', once, response: { successPath: 'none.such' } },
    });
    expect(await api.finished(await api.run(flowId))).toMatchObject({ status: 'failed' });
    expect(marked).toEqual([]);
  });

  it('of a flow with branches marks each record where its way ends', async () => {
    const { api } = millrace;
    const odd = { version: '1', rules: ['notequals', ['number', ['extract', 'id']], 4] };
    const { flowId } = await flowOf({}, (importId, second) => ({
      routers: [
        {
          id: 'r1',
          routeRecordsTo: 'first_matching_branch',
          routeRecordsUsing: 'input_filters',
          branches: [
            {
              name: 'two steps',
              inputFilter: odd,
              pageProcessors: [
                { type: 'import', _importId: importId },
                { type: 'import', _importId: second },
              ],
            },
            { name: 'none', pageProcessors: [] },
          ],
        },
      ],
    }));
    expect(await api.finished(await api.run(flowId))).toMatchObject({ status: 'completed', numSuccess: 8 });
    expect(sorted(marked)).toEqual([1, 2, 3, 4, 5]);
  });

  it('kill -9: nothing is lost, what is marked again has the same key, and all is marked in the end', async () => {
    orders = Array.from({ length: 2_000 }, (_, at) => ({ id: at + 1, exported: false }));
    const { flowId } = await flowOf({ pageSize: 50 });
    const jobId = await millrace.api.run(flowId);
    await eventually('some records are marked', () => marked.length > 200, 60_000);
    await millrace.kill();
    await millrace.launch();
    const job = await millrace.api.finished(jobId, 120_000);
    expect(job).toMatchObject({ status: 'completed', numError: 0 });
    // Records that the source no longer gave, because their page had been marked, were delivered before.
    await millrace.api.finished(await millrace.api.run(flowId));
    expect(new Set(delivered).size).toBe(2_000);
    expect(orders.filter(({ exported }) => !exported)).toEqual([]);
    expect(Math.max(...[...keys.values()].map(({ size }) => size))).toBeLessThanOrEqual(2);
  }, 240_000);
});

describe('over PostgreSQL', () => {
  let database: TestDatabase;
  let client: pg.Client;
  beforeAll(async () => {
    database = await createTestDatabase();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
  });
  afterAll(async () => {
    await client?.end();
    await database?.drop();
  });

  it('runs its query for each record, values quoted as literals', async () => {
    const { api } = millrace;
    await client.query(
      "create table orders as select id, 'o''' || id as name, false as exported from generate_series(1, 45) id",
    );
    const url = new URL(database.url);
    const warehouse = await api.create('connections', {
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
    const { flowId, exportId } = await flowOf({
      _connectionId: warehouse,
      adaptorType: 'RDBMSExport',
      pageSize: 20,
      http: undefined,
      rdbms: {
        query: 'select id, name from orders where not exported order by id',
        once: { query: 'update orders set exported = true where name = {{record.name}}' },
      },
    });
    expect(await api.finished(await api.run(flowId))).toMatchObject({
      status: 'completed',
      numSuccess: 45,
      numError: 0,
    });
    const { rows } = await client.query('select count(*)::int as n from orders where exported');
    expect(rows).toEqual([{ n: 45 }]);
    expect(childOf(await api.finished(await api.run(flowId)), exportId)).toMatchObject({ numSuccess: 0 });
  });
});
