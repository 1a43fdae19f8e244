import type { ClientBase, Pool } from 'pg';

/** Deadlock and serialization failure: PostgreSQL has undone the transaction, and says so to be tried again. */
const repeatable = new Set(['40P01', '40001']);
const maxTries = 5;

/**
 * Runs `work` in one transaction, again when PostgreSQL chose it to end a deadlock. Read committed: every statement sees
 * what was committed before it began.
 */
export async function inTransaction<T>(pool: Pool, work: (client: ClientBase) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(pool, work);
    } catch (error) {
      if (attempt >= maxTries || !repeatable.has(sqlState(error) ?? '')) throw error;
    }
  }
}

async function once<T>(pool: Pool, work: (client: ClientBase) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    try {
      await client.query('rollback');
    } catch (failure) {
      // The connection is gone, and with it the transaction; the first error is the one to report.
      broken = failure instanceof Error ? failure : new Error(String(failure));
    }
    throw error;
  } finally {
    client.release(broken);
  }
}

/** Five characters that class an error of PostgreSQL; undefined for errors of other origin. */
function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined;
}

/** Classes 22 (data) and 23 (constraint): one row is at fault, not the connection. */
export function isFaultOfRow(error: unknown): boolean {
  return /^2[23]/.test(sqlState(error) ?? '');
}
