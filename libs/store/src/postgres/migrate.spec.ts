import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { MikroORM } from '@mikro-orm/postgresql';
import { createTestDatabase, type TestDatabase } from '#testing/postgres';
import { migrate } from './migrate.js';
import { migrations } from './migrations/index.js';
import { createOrm } from './orm.js';

describe('migrations', () => {
  let database: TestDatabase;
  const open: MikroORM[] = [];
  const connect = async () => {
    const orm = await createOrm({ connectionString: database.url, poolSize: 2, onWarning: () => {} });
    open.push(orm);
    return orm;
  };

  /** Statements that would make of the database what the entities describe. */
  const difference = (orm: MikroORM) => orm.schema.getUpdateSchemaSQL({ wrap: false, safe: false, dropTables: false });

  beforeEach(async () => {
    database = await createTestDatabase();
  });

  afterEach(async () => {
    await Promise.all(open.splice(0).map((orm) => orm.close(true)));
    await database.drop();
  });

  it('make of an empty database exactly the schema that the entities describe', async () => {
    const orm = await connect();
    await migrate(orm);
    expect(await difference(orm)).toBe('');
  });

  it.each([
    ['a column', 'alter table jobs drop column trace_id'],
    ['a type', 'alter table jobs alter column num_error type int'],
    ['a plain index', 'drop index documents_list_index'],
    ['an index with an expression', 'drop index documents_doc_index'],
    ['a constraint', 'alter table access_tokens drop constraint access_tokens_sha256_unique'],
    ['a table', 'drop table page_results'],
  ])('would be found wanting if they left out %s', async (_what, statement) => {
    const orm = await connect();
    await migrate(orm);
    await orm.em.fork().execute(statement);
    expect(await difference(orm)).not.toBe('');
  });

  it('index no column of a job that changes while its run goes on, so that such changes rewrite no index', async () => {
    const orm = await connect();
    await migrate(orm);
    const indexes = await orm.em
      .fork()
      .execute<{ indexdef: string }[]>(`select indexdef from pg_indexes where tablename = 'jobs'`);
    const changing =
      /\b(status|started_at|ended_at|last_modified|plan_id|routers|followed_at|failure|num_\w+|done_exporting)\b/;
    expect(indexes.map(({ indexdef }) => indexdef).filter((definition) => changing.test(definition))).toEqual([]);
    expect(indexes).not.toEqual([]);
  });

  it('run once when several services start at once', async () => {
    const services = await Promise.all(Array.from({ length: 6 }, connect));
    await Promise.all(services.map(migrate));
    const executed = await services[0]!.migrator.getExecuted();
    expect(executed.map(({ name }) => name)).toEqual(migrations.map(({ name }) => name));
  });

  it('leave a migrated database and its data alone', async () => {
    const orm = await connect();
    await migrate(orm);
    await orm.em.fork().execute(`insert into users (id, name) values ('u', 'kept')`);
    await migrate(await connect());
    expect(await orm.em.fork().execute('select name from users')).toEqual([{ name: 'kept' }]);
  });

  it('free their lock when they fail', async () => {
    const [blocked, later] = [await connect(), await connect()];
    await blocked.em.fork().execute('create table users (id int)');
    await expect(migrate(blocked)).rejects.toThrow(/users/);
    await blocked.em.fork().execute('drop table users');
    await migrate(later);
    expect(await later.migrator.getPending()).toEqual([]);
  });
});
