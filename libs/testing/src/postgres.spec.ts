import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from './postgres.js';

describe('createTestDatabase', () => {
  let first: TestDatabase;
  let second: TestDatabase;

  beforeAll(async () => {
    [first, second] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  });
  afterAll(async () => {
    await Promise.all([first.drop(), second.drop()]);
  });

  async function tablesOf(database: TestDatabase): Promise<unknown[]> {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      return (await client.query("select tablename from pg_tables where schemaname = 'public'")).rows;
    } finally {
      await client.end();
    }
  }

  it('gives each caller an empty database of its own', async () => {
    const client = new pg.Client({ connectionString: first.url });
    await client.connect();
    await client.query('create table thing (id int)');
    await client.end();

    expect(await tablesOf(first)).toEqual([{ tablename: 'thing' }]);
    expect(await tablesOf(second)).toEqual([]);
  });

  it('drops a database that still has open connections', async () => {
    const database = await createTestDatabase();
    const client = new pg.Client({ connectionString: database.url });
    client.on('error', () => undefined); // the server ends this connection, as it should
    await client.connect();

    await database.drop();

    await expect(tablesOf(database)).rejects.toThrow('does not exist');
  });
});
