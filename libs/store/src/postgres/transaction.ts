import type { ClientBase, Pool } from 'pg';

/** Deadlock and serialization failure: PostgreSQL has undone the transaction, and says so to be tried again. */
const repeatable = new Set(['40P01', '40001']);
const maxTries = 5;

/**
 * Between two batches of a busy lane. A transaction costs as much as a dozen of the runs in it; on a fast disk hundreds of
 * small ones a second would take what their runs need.
 */
export const batchSpacingMs = 40;

/**
 * Runs `work` in one transaction, again when PostgreSQL chose it to end a deadlock. Read committed: every statement sees
 * what was committed before it began. Statements that need nothing from one another may be sent together: they run in the
 * order in which they are sent.
 */
export async function inTransaction<T>(pool: Pool, work: (client: ClientBase) => Promise<T>): Promise<T> {
  return repeated(pool, async (client) => {
    const [, result] = await Promise.all([client.query('begin'), work(client)]);
    await client.query('commit');
    return result;
  });
}

/**
 * The same in one round trip, commit included. When a statement fails, PostgreSQL refuses those behind it and takes the
 * commit for a rollback.
 *
 * @param send sends everything before it waits for anything
 */
export async function inOneTrip<T>(pool: Pool, send: (client: ClientBase) => Promise<T>): Promise<T> {
  return repeated(pool, async (client) => {
    const [begun, sent, committed] = await Promise.allSettled([
      client.query('begin'),
      send(client),
      client.query('commit'),
    ]);
    for (const outcome of [begun, sent, committed]) if (outcome.status === 'rejected') throw outcome.reason;
    return (sent as PromiseFulfilledResult<T>).value;
  });
}

async function repeated<T>(pool: Pool, transaction: (client: ClientBase) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(pool, transaction);
    } catch (error) {
      if (attempt >= maxTries || !repeatable.has(sqlState(error) ?? '')) throw error;
    }
  }
}

async function once<T>(pool: Pool, transaction: (client: ClientBase) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    return await transaction(client);
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
