import type { MikroORM } from '@mikro-orm/postgresql';

/** Any number that nothing else in the database locks. */
const migrationLock = '7236914508317';

/**
 * Brings the database to the newest schema. Services that start at once take turns: the first migrates, the others find
 * nothing to do. Never goes backwards, so an older process may go on beside a newer one.
 */
export async function migrate(orm: MikroORM): Promise<void> {
  const pool = await orm.em.getConnection().getNativeClient();
  const client = await pool.connect();
  let failed: Error | undefined;
  try {
    await client.query(`select pg_advisory_lock(${migrationLock})`);
    await orm.migrator.up();
    await client.query(`select pg_advisory_unlock(${migrationLock})`);
  } catch (error) {
    failed = error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    // After a failure the session is closed, which frees the lock whatever state it is in.
    client.release(failed);
  }
}
