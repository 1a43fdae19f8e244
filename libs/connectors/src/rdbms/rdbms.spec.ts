import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { ImportOutcome, LookupAnswer, LookupOutcome } from '#engine';
import type { Connection, Export, Import, JsonRecord, JsonValue, Lookup } from '#model';
import { createStepContext, createTestHost, type TestHost } from '#testing/connector-host';
import { createTestDatabase, type TestDatabase } from '#testing/postgres';
import { readAll, type ReadResult } from '../testing/http-test-bed.js';
import type { Cursor, StepContext } from '../ports.js';
import { RdbmsClient } from './client.js';
import { rdbmsAdaptor } from './index.js';
import { quoteTable } from './quoting.js';
import { isPlainQuery } from './row-cursor.js';

type Rdbms = NonNullable<Connection['rdbms']>;

let database: TestDatabase;
let admin: pg.Client;
let host: TestHost;
let connection: Connection & { readonly _id: string };

beforeAll(async () => {
  database = await createTestDatabase();
  admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
});
afterAll(async () => {
  await admin.end();
  await database.drop();
});
beforeEach(async () => {
  await admin.query('drop schema public cascade; create schema public');
  host = createTestHost();
  connection = connectionOf({});
});
afterEach(() => RdbmsClient.of(host).close(connection));

function connectionOf(overrides: Partial<Rdbms>): Connection & { readonly _id: string } {
  const url = new URL(database.url);
  const rdbms: Rdbms = {
    type: 'postgresql',
    host: url.hostname === 'localhost' ? '127.0.0.1' : url.hostname,
    port: Number(url.port),
    database: url.pathname.slice(1),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    ...overrides,
  };
  return { _id: 'db1', name: 'db', type: 'rdbms', rdbms };
}

async function read(
  query: string,
  options: { step?: Partial<Export>; cursor?: Cursor | null; context?: StepContext } = {},
): Promise<ReadResult> {
  const step = { _id: 'e1', name: 'e', ...options.step, rdbms: { query } } as Export & { _id: string };
  return readAll(
    rdbmsAdaptor
      .createSource(step, host)
      .read(options.cursor ?? null, options.context ?? createStepContext(connection)),
  );
}

async function submit(
  rdbms: NonNullable<Import['rdbms']>,
  mapped: readonly JsonValue[],
  options: { step?: Partial<Import>; page?: number; context?: StepContext } = {},
): Promise<readonly ImportOutcome[]> {
  const step = { _id: 'i1', name: 'i', ...options.step, rdbms } as Import & { _id: string };
  const destination = rdbmsAdaptor.createDestination(step, host);
  return destination.submit(
    { generator: 'e1', page: options.page ?? 0 },
    mapped.map((value, index) => ({ index, record: value, mapped: value })),
    options.context ?? createStepContext(connection),
  );
}

const rowsOf = async (query: string): Promise<JsonRecord[]> => (await admin.query<JsonRecord>(query)).rows;
const codesOf = (outcomes: readonly ImportOutcome[]): unknown[] =>
  outcomes.map(({ statusCode, failures }) => failures?.[0]?.code ?? statusCode);

describe('an export', () => {
  it('streams a query in chunks and can go on from any of them', async () => {
    const query = "select n as id, repeat('x', 200) as pad from generate_series(1, 12000) n order by n;";
    const whole = await read(query);
    expect(whole.failure).toBeNull();
    expect(whole.records.map((record) => (record as JsonRecord)['id'])).toEqual(
      Array.from({ length: 12000 }, (_, i) => i + 1),
    );
    expect(whole.chunks.length).toBeGreaterThan(2);
    expect(Math.max(...whole.chunks.map(({ bytes }) => bytes))).toBeLessThan(2_500_000);
    expect(whole.chunks.at(-1)?.next).toBeNull();

    const { next } = whole.chunks[1]!;
    const handedOver = whole.chunks[0]!.records.length + whole.chunks[1]!.records.length;
    expect(next).toEqual({ rows: handedOver });
    const rest = await read(query, { cursor: JSON.parse(JSON.stringify(next)) as Cursor });
    expect(rest.records).toEqual(whole.records.slice(handedOver));
  });

  it('holds wide rows by the megabyte, not by the count', async () => {
    const { chunks, records } = await read(
      "select n, repeat('y', 300000) as wide from generate_series(1, 120) n order by n",
    );
    expect(records).toHaveLength(120);
    expect(Math.max(...chunks.slice(1).map(({ bytes }) => bytes))).toBeLessThan(2_000_000);
  });

  it('gives values as JSON has them', async () => {
    const { records } = await read(`select 1::int8 as i8, 9007199254740993::int8 as big, 12.50::numeric as num,
      12345678901234567890.5::numeric as long, date '2026-01-31' as d, timestamp '2026-01-31 10:00:00' as ts,
      timestamptz '2026-01-31 10:00:00+02' as tz, '{"a":[1]}'::jsonb as j, true as b, null::text as n,
      array['a','b'] as list, array[date '2026-01-31'] as dates, '\\x0102'::bytea as bytes, interval '1 day' as iv, point(1,2) as p`);
    expect(records).toEqual([
      {
        i8: 1,
        big: '9007199254740993',
        num: 12.5,
        long: '12345678901234567890.5',
        d: '2026-01-31',
        ts: '2026-01-31T10:00:00',
        tz: '2026-01-31T08:00:00.000Z',
        j: { a: [1] },
        b: true,
        n: null,
        list: ['a', 'b'],
        dates: ['2026-01-31'],
        bytes: 'AQI=',
        iv: '1 day',
        p: '(1,2)',
      },
    ]);
  });

  it('runs statements that no cursor can be kept over', async () => {
    await admin.query('create table q (id int)');
    const query = 'insert into q select generate_series(1, 250) returning id';
    expect((await read(query)).records).toHaveLength(250);
    expect(await rowsOf('select count(*)::int as n from q')).toEqual([{ n: 250 }]);
    expect((await read('delete from q where id > 5 returning id', { cursor: { rows: 200 } })).records).toHaveLength(45);
  });

  it('gives its session back when a reader stops early', async () => {
    const source = rdbmsAdaptor.createSource(
      { _id: 'e', name: 'e', rdbms: { query: 'select generate_series(1, 100000) as n' } },
      host,
    );
    for (let round = 0; round < 12; round += 1) {
      for await (const chunk of source.read(null, createStepContext(connection))) {
        expect(chunk.records.length).toBeGreaterThan(0);
        break;
      }
    }
    expect(host.limits.held).toBe(0);
    expect((await read('select 1 as one')).records).toEqual([{ one: 1 }]);
  });

  it('renders delta windows into the query', async () => {
    await admin.query(
      "create table t (id int, at timestamptz, \"Other At\" timestamptz); insert into t values (1, '2025-01-01Z', null), (2, '2026-02-01Z', null), (3, null, '2026-02-02Z'), (4, '2027-01-01Z', null)",
    );
    const run = {
      ...createStepContext(connection).run,
      lastExportDateTime: '2026-01-01T00:00:00.000Z',
      currentExportDateTime: '2026-06-01T00:00:00.000Z',
    };
    const context = createStepContext(connection, { run });
    expect((await read('select id from t where at > {{lastExportDateTime}} order by id', { context })).records).toEqual(
      [{ id: 2 }, { id: 4 }],
    );
    const step = { type: 'delta' as const, delta: { dateField: 'at, Other At' } };
    expect((await read('select * from t order by id;', { context, step })).records).toMatchObject([
      { id: 2 },
      { id: 3 },
    ]);
  });

  it.each<[string, string, object]>([
    ['no such table', 'select * from nowhere', { code: '42P01', source: 'resource' }],
    ['no SQL', 'selekt', { code: '42601', source: 'resource' }],
    [
      'bad value in the middle',
      'select 1 / (500 - n) as x from generate_series(1, 1000) n',
      { code: '22012', source: 'application', classification: 'value' },
    ],
  ])('fails: %s', async (_what, query, failure) => {
    expect((await read(query)).failure).toMatchObject(failure);
  });
});

describe('a lookup', () => {
  it('runs once per record, values quoted as literals', async () => {
    await admin.query("create table c (name text, city text); insert into c values ('O''Neil', 'Cork'), ('x', 'Y')");
    const lookup = rdbmsAdaptor.createLookup(
      { _id: 'l', name: 'l', isLookup: true, rdbms: { query: 'select city from c where name = {{record.name}}' } },
      host,
    );
    const records = ["O'Neil", 'x', "' or true --", 'none'].map((name, index) => ({
      index,
      record: { name },
      mapped: { name },
    }));
    const outcomes: readonly LookupOutcome[] = await lookup.lookup(records, createStepContext(connection));
    expect(outcomes).toEqual([
      { statusCode: 200, data: [{ city: 'Cork' }] },
      { statusCode: 200, data: [{ city: 'Y' }] },
      { statusCode: 200, data: [] },
      { statusCode: 200, data: [] },
    ]);
  });

  it('refuses more than 5 MB for one record', async () => {
    const lookup = rdbmsAdaptor.createLookup(
      {
        _id: 'l',
        name: 'l',
        isLookup: true,
        rdbms: { query: "select repeat('x', 3000000) as a from generate_series(1,2)" },
      },
      host,
    );
    const outcomes = await lookup.lookup([{ index: 0, record: {}, mapped: {} }], createStepContext(connection));
    expect(outcomes).toMatchObject([
      { statusCode: 422, failures: [{ code: 'response_size_exceeded', source: 'lookup' }] },
    ]);
  });
});

describe('an import per record', () => {
  beforeEach(() => admin.query('create table t (id int primary key, name text not null)'));

  it('renders and runs the query for each, and fails each alone', async () => {
    const outcomes = await submit(
      {
        queryType: ['per_record'],
        query: ['insert into t (id, name) values ({{record.id}}, {{record.name}}) returning id'],
      },
      [
        { id: 1, name: "a'b" },
        { id: 1, name: 'again' },
        { id: 2, name: 'c' },
        { id: 'x', name: 'd' },
      ],
      { context: createStepContext(connectionOf({ concurrencyLevel: 1 })) },
    );
    expect(codesOf(outcomes)).toEqual([200, '23505', 200, '22P02']);
    expect(outcomes[0]).toMatchObject({ id: '1', _json: { id: 1 } });
    expect(outcomes[1]?.failures?.[0]).toMatchObject({ source: 'application', classification: 'duplicate' });
    expect(outcomes[3]?.failures?.[0]).toMatchObject({ classification: 'value' });
    expect(await rowsOf('select * from t order by id')).toEqual([
      { id: 1, name: "a'b" },
      { id: 2, name: 'c' },
    ]);
  });

  it('per_page runs once for the page', async () => {
    const query =
      'insert into t (id, name) values {{#each batch_of_records}}({{record.id}}, {{record.name}}){{#unless @last}},{{/unless}}{{/each}}';
    expect(
      codesOf(
        await submit({ queryType: ['per_page'], query: [query] }, [
          { id: 1, name: 'a' },
          { id: 2, name: 'b' },
        ]),
      ),
    ).toEqual([200, 200]);
    expect(
      codesOf(
        await submit({ queryType: ['per_page'], query: [query] }, [
          { id: 3, name: 'c' },
          { id: 1, name: 'b' },
        ]),
      ),
    ).toEqual(['23505', '23505']);
    expect(await rowsOf('select id from t order by id')).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it('first_page runs for the first page only; the other pages are ignored', async () => {
    const rdbms = { queryType: ['first_page' as const], query: ["insert into t values (9, 'first')"] };
    expect(await submit(rdbms, [{ id: 1 }], { page: 0 })).toMatchObject([{ statusCode: 200 }]);
    expect(await submit(rdbms, [{ id: 1 }], { page: 1 })).toEqual([{ statusCode: 200, ignored: true }]);
  });
});

it('a composite import inserts or updates each record, as was chosen for it (runtime §9.3)', async () => {
  await admin.query("create table u (id int primary key, name text); insert into u values (2, 'old')");
  const rdbms: NonNullable<Import['rdbms']> = {
    queryType: ['UPDATE', 'INSERT'],
    query: [
      'update u set name = {{record.name}} where id = {{record.id}} returning id',
      'insert into u values ({{record.id}}, {{record.name}}) returning id',
    ],
    updateExtract: 'known',
  };
  const destination = rdbmsAdaptor.createDestination({ _id: 'i1', name: 'i', rdbms }, host);
  const records = (['create', 'update'] as const).map((operation, index) => {
    const record = { id: index + 1, name: operation };
    return { index, record, mapped: record, operation };
  });
  const context = createStepContext(connection);
  expect(await destination.submit({ generator: 'g', page: 0 }, records, context)).toMatchObject([
    { id: '1' },
    { id: '2' },
  ]);
  expect(await rowsOf('select * from u order by id')).toEqual([
    { id: 1, name: 'create' },
    { id: 2, name: 'update' },
  ]);
});

describe('a dynamic lookup in SQL (runtime §14)', () => {
  async function resolve(lookup: Partial<Lookup>, records: readonly JsonRecord[]): Promise<readonly LookupAnswer[]> {
    const lookups = [{ name: 'l', ...lookup }];
    const rdbms = { queryType: ['per_record' as const], query: ['select 1'], lookups };
    const destination = rdbmsAdaptor.createDestination({ _id: 'i1', name: 'i', rdbms }, host);
    const questions = records.map((record) => ({ lookup: 'l', record }));
    return destination.resolveLookups!(questions, createStepContext(connection));
  }

  it.each<[string, Partial<Lookup>, unknown[]]>([
    ['the only column', { query: 'select 7 as id' }, [7]],
    ['a column', { query: "select 7 as id, 'x' as name", extract: 'name' }, ['x']],
    ['a path into all rows', { query: "select 7 as id, 'x' as name", extract: '[0].name' }, ['x']],
    ['a row', { query: "select 7 as id, 'x' as name" }, [{ id: 7, name: 'x' }]],
    ['several rows', { query: 'select n from generate_series(1, 3) n' }, [1, 2, 3]],
    ['no row', { query: 'select 1 where false' }, []],
    ['null', { query: 'select null as id' }, []],
  ])('finds %s', async (_, lookup, matches) => {
    expect(await resolve(lookup, [{}])).toEqual([{ matches }]);
  });

  it('renders values as literals, and runs equal queries once', async () => {
    const lookup = { query: 'select upper({{record.name}}) as n' };
    const hostile = "'; drop table u; --";
    const answers = await resolve(lookup, [{ name: 'a' }, { name: hostile }, { name: 'a' }]);
    expect(answers).toEqual([{ matches: ['A'] }, { matches: [hostile.toUpperCase()] }, { matches: ['A'] }]);
    expect(host.calls).toHaveLength(2);
  });

  it('fails with source lookup, each question for itself', async () => {
    const answers = await resolve({ query: 'select 1 / {{record.n}}::int as q' }, [{ n: 0 }, { n: 1 }]);
    expect(answers).toMatchObject([{ failure: { code: '22012', source: 'lookup' } }, { matches: [1] }]);
  });
});

describe('a bulk insert', () => {
  beforeEach(() =>
    admin.query(
      'create table "Odd ""T" (id int primary key, name text not null default \'none\', meta jsonb, at timestamptz, tags text[])',
    ),
  );
  const BULK = { queryType: ['bulk_insert' as const], bulkInsert: { tableName: '"Odd ""T"' } };

  it('writes a page in one statement, by the types of the table', async () => {
    const records = Array.from({ length: 500 }, (_, id) => ({
      id,
      name: `n'${id}`,
      meta: { a: [id] },
      at: '2026-01-01T00:00:00Z',
      tags: ['x', 'y'],
    }));
    expect(new Set(codesOf(await submit(BULK, records)))).toEqual(new Set([200]));
    expect(host.calls).toHaveLength(1);
    expect(
      await rowsOf('select count(*)::int as n, max(meta->\'a\'->>0) as m, min(tags[2]) as t from "Odd ""T"'),
    ).toEqual([{ n: 500, m: '99', t: 'y' }]);
  });

  it('lets bad records fail alone, and the others through', async () => {
    const records: JsonRecord[] = Array.from({ length: 100 }, (_, id) => ({ id, name: 'x' }));
    records[17] = { id: 3, name: 'duplicate' };
    records[42] = { id: 'not a number', name: 'x' };
    records[77] = { id: 777, name: null };
    records[88] = { id: 888, name: 'nul \u0000 byte' };
    const outcomes = await submit(BULK, records);
    expect(codesOf(outcomes).flatMap((code, index) => (code === 200 ? [] : [[index, code]]))).toEqual([
      [17, '23505'],
      [42, '22P02'],
      [77, '23502'],
      [88, '22P05'],
    ]);
    expect(await rowsOf('select count(*)::int as n from "Odd ""T"')).toEqual([{ n: 96 }]);
  });

  it('keeps the default of a column that a record does not have', async () => {
    expect(codesOf(await submit(BULK, [{ id: 1 }, { id: 2, name: 'b' }, { id: 3 }]))).toEqual([200, 200, 200]);
    expect(await rowsOf('select id, name from "Odd ""T" order by id')).toEqual([
      { id: 1, name: 'none' },
      { id: 2, name: 'b' },
      { id: 3, name: 'none' },
    ]);
  });

  it('respects batchSize', async () => {
    await submit(
      { ...BULK, bulkInsert: { ...BULK.bulkInsert, batchSize: '10' } },
      Array.from({ length: 25 }, (_, id) => ({ id })),
    );
    expect(host.calls).toHaveLength(3);
  });

  it.each<[string, JsonValue, string]>([
    ['no object', 'text', 'invalid_record'],
    ['an empty object', {}, 'invalid_record'],
    ['a list', [1], 'invalid_record'],
    ['an unknown column', { id: 1, 'x"); drop table "Odd ""T"; --': 1 }, '42703'],
    ['__proto__ as a column', JSON.parse('{"id":1,"__proto__":2}') as JsonValue, '42703'],
  ])('refuses %s', async (_what, record, code) => {
    expect(codesOf(await submit(BULK, [record]))).toEqual([code]);
    expect(await rowsOf('select count(*)::int as n from "Odd ""T"')).toEqual([{ n: 0 }]);
  });

  it('updates rows that exist when primary keys are given', async () => {
    const load = { queryType: ['bulk_load' as const], bulkLoad: { tableName: '"Odd ""T"', primaryKeys: ['id'] } };
    await submit(load, [
      { id: 1, name: 'a' },
      { id: 2, name: 'b' },
    ]);
    expect(
      codesOf(
        await submit(load, [
          { id: 2, name: 'B' },
          { id: 3, name: 'c' },
          { id: 3, name: 'C' },
        ]),
      ),
    ).toEqual([200, 200, 200]);
    expect(await rowsOf('select id, name from "Odd ""T" order by id')).toEqual([
      { id: 1, name: 'a' },
      { id: 2, name: 'B' },
      { id: 3, name: 'C' },
    ]);
  });

  it('fails at once when it is the table that is wrong', async () => {
    const outcomes = await submit(
      { queryType: ['bulk_insert'], bulkInsert: { tableName: 'nowhere' } },
      Array.from({ length: 50 }, (_, id) => ({ id })),
    );
    expect(new Set(codesOf(outcomes))).toEqual(new Set(['42P01']));
    expect(host.calls).toHaveLength(1);
  });
});

describe('a connection', () => {
  it.each<[string, Partial<Rdbms>, object]>([
    ['nobody there', { port: 1 }, { code: 'connection_refused', source: 'connection', classification: 'connection' }],
    [
      'no such database',
      { database: 'nowhere' },
      { code: '3D000', source: 'connection', classification: 'connection' },
    ],
    ['no such host', { host: 'no-such-host.invalid' }, { source: 'connection', classification: 'connection' }],
    ['another database', { type: 'mysql' }, { code: 'not_supported', source: 'connection' }],
    ['a Unix socket', { host: '/tmp' }, { code: 'invalid_value', source: 'connection' }],
    ['no user', { user: '' }, { code: 'invalid_value' }],
    ['a forbidden address', { host: '169.254.169.254' }, { code: 'egress_refused', source: 'connection' }],
    ['a hostile option', { options: [{ name: 'a -c b', value: '1' }] }, { code: 'invalid_value' }],
    ['TLS that the server does not speak', { ssl: true }, { code: 'tls_error', source: 'connection' }],
  ])('%s', async (_what, overrides, failure) => {
    const other = connectionOf(overrides);
    const context = createStepContext(other);
    expect((await read('select 1 as one', { context })).failure).toMatchObject(failure);
    expect(await submit({ queryType: ['per_record'], query: ['select 1'] }, [{}], { context })).toMatchObject([
      { statusCode: 403, failures: [failure] },
    ]);
    await RdbmsClient.of(host).close(other);
  });

  it('is pinned to checked addresses: loopback is refused unless allowed', async () => {
    host = createTestHost({ egressAllow: [] });
    for (const name of ['127.0.0.1', 'localhost', '2130706433']) {
      const context = createStepContext(connectionOf({ host: name }));
      expect((await read('select 1', { context })).failure).toMatchObject({ code: 'egress_refused' });
    }
  });

  it('sets run-time options, but not those that quoting depends on', async () => {
    const other = connectionOf({
      options: [
        { name: 'search_path', value: '"a b", public' },
        { name: 'standard_conforming_strings', value: 'off' },
      ],
    });
    const { records } = await read(
      "select current_setting('search_path') as path, current_setting('standard_conforming_strings') as s",
      { context: createStepContext(other) },
    );
    expect(records).toEqual([{ path: '"a b", public', s: 'on' }]);
    await RdbmsClient.of(host).close(other);
  });

  it('pings', async () => {
    const { signal } = new AbortController();
    expect(await rdbmsAdaptor.ping(connection, host, signal)).toEqual({ code: 200 });
    expect(await rdbmsAdaptor.ping(connectionOf({ port: 1 }), host, signal)).toMatchObject({
      code: 502,
      errors: [{ code: 'connection_refused' }],
    });
  });

  it('goes on after its idle sessions were ended by the server', async () => {
    expect((await read('select 1 as one')).failure).toBeNull();
    await admin.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()',
    );
    const outcomes = await submit({ queryType: ['per_record'], query: ['select 1 as id'] }, [{}]);
    expect(codesOf(outcomes)[0]).toBeDefined();
    expect((await read('select 1 as one')).records).toEqual([{ one: 1 }]);
  });

  it('sends nothing after a cancel', async () => {
    const context = createStepContext(connection, { signal: AbortSignal.abort() });
    expect(codesOf(await submit({ queryType: ['per_record'], query: ['select 1'] }, [{}], { context }))).toEqual([
      'canceled',
    ]);
    expect(host.calls).toEqual([]);
  });
});

it('a deadlock is tried again', async () => {
  await admin.query(
    "create table l (id int primary key, n int); insert into l values (1, 0), (2, 0); create table tries (n int); create function fail_once() returns int language plpgsql as $$ begin if nextval('attempts') < 3 then raise exception 'deadlock' using errcode = '40P01'; end if; return 7; end $$; create sequence attempts",
  );
  expect(await submit({ queryType: ['per_record'], query: ['select fail_once() as id'] }, [{}])).toMatchObject([
    { statusCode: 200, id: '7' },
  ]);
  expect(host.clock.sleeps).toEqual([500, 1000]);
});

it.each<[string, NonNullable<Import['rdbms']>, string]>([
  ['a composite import with one query', { queryType: ['INSERT', 'UPDATE'], query: ['a'] }, 'invalid_value'],
  ['two query types', { queryType: ['per_record', 'per_page'], query: ['a'] }, 'not_supported'],
  [
    'overrideMergeQuery',
    { queryType: ['bulk_load'], bulkLoad: { tableName: 't', overrideMergeQuery: true } },
    'not_supported',
  ],
  [
    'a table name that is none',
    { queryType: ['bulk_insert'], bulkInsert: { tableName: 'a; drop table b' } },
    'invalid_value',
  ],
  ['a missing query', { queryType: ['per_record'] }, 'invalid_value'],
])('%s is refused when the import is compiled', async (_what, rdbms, code) => {
  await expect(submit(rdbms, [])).rejects.toMatchObject({ code });
});

it.each([
  ['orders', '"orders"'],
  ['Sales.Orders', '"sales"."orders"'],
  ['"Sales"."Or""ders"', '"Sales"."Or""ders"'],
  ['sales."O.x"', '"sales"."O.x"'],
  ['a b', null],
  ['a;b', '"a;b"'],
  ['', null],
  ['a..b', null],
  ['"a', null],
])('table name %s', (name, quoted) => {
  expect(quoteTable(name)).toBe(quoted);
});

it.each([
  ['select 1', true],
  ['  -- note\n/* more */ (SELECT 1)', true],
  ['with x as (select 1) select * from x', true],
  ['values (1)', true],
  ['with x as (delete from t returning *) select * from x', false],
  ['insert into t values (1) returning *', false],
  ['call p()', false],
])('a cursor can be kept over %j: %s', (text, plain) => {
  expect(isPlainQuery(text)).toBe(plain);
});

describe('rdbms.once (runtime §3, resources §4.5)', () => {
  const table =
    "create table orders as select n as id, 'o''' || n as name, false as sent from generate_series(1, 1000) n";
  const query = 'select id, name from orders where not sent order by id';
  const sentIds = async () => (await rowsOf('select id from orders where sent order by id')).map(({ id }) => id);
  const stepOf = (once?: { query?: string }) =>
    ({ _id: 'e1', name: 'e', type: 'once', rdbms: { query, once } }) as Export & { _id: string };
  const mark = (records: readonly JsonValue[]) =>
    rdbmsAdaptor.createFlagWriter!(
      stepOf({ query: 'update orders set sent = true where name = {{record.name}}' }),
      host,
    ).submit(
      { generator: 'e1', page: 0 },
      records.map((record, index) => ({ index, record, mapped: record })),
      createStepContext(connection),
    );

  it('is a statement per record, values quoted as literals', async () => {
    await admin.query(table);
    expect(codesOf(await mark([{ name: "o'3" }, { name: "' or true --" }, {}]))).toEqual([200, 200, '42601']);
    expect(await sentIds()).toEqual([3]);
  });

  it('runs while the source is being read, on a connection that allows one statement at a time', async () => {
    await admin.query(table);
    connection = connectionOf({ concurrencyLevel: 1 });
    const source = rdbmsAdaptor.createSource(stepOf(), host);
    for await (const { records, next } of source.read(null, createStepContext(connection))) {
      expect(next).not.toBeNull();
      expect(codesOf(await mark(records.slice(0, 2)))).toEqual([200, 200]);
      break;
    }
    expect(await sentIds()).toEqual([1, 2]);
  });

  it('refuses the run without a query', () => {
    expect(() => rdbmsAdaptor.createFlagWriter!(stepOf({}), host)).toThrow(/rdbms\.once\.query/);
  });
});
