import { randomUUID } from 'node:crypto';
import pg from 'pg';

/** An empty PostgreSQL database of its own for one test file. */
export interface TestDatabase {
  readonly url: string;
  /** Removes the database, ending the connections that are still open. */
  drop(): Promise<void>;
}

/**
 * Creates an empty, uniquely named database on the server at `TEST_DATABASE_URL`, which jest's global setup provides.
 *
 * @throws Error when `TEST_DATABASE_URL` is unset
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const serverUrl = process.env.TEST_DATABASE_URL;
  if (!serverUrl) throw new Error('TEST_DATABASE_URL is unset: run the test through jest, whose global setup sets it');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await execute(serverUrl, `create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => execute(serverUrl, `drop database if exists ${name} with (force)`) };
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
