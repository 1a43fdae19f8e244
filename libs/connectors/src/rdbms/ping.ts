import type { Failure } from '#failures';
import type { Connection } from '#model';
import { EgressGuard } from '#security/egress';
import { connectionFailure } from '../connection-failure.js';
import type { ConnectorHost, PingResult } from '../ports.js';
import { closeDatabase, openDatabase } from './pool.js';
import { toSqlFailure } from './sql-failure.js';

/** Opens a session of its own, asks for nothing, and ends it. */
export async function pingDatabase(
  connection: Connection,
  host: ConnectorHost,
  signal: AbortSignal,
): Promise<PingResult> {
  const stored = { ...connection, _id: connection._id ?? 'unsaved' };
  let database;
  try {
    const opened = connection._id === undefined ? stored : await host.openSecrets(stored);
    database = openDatabase(opened, new EgressGuard(host.egressAllow));
  } catch (error) {
    return refused(422, connectionFailure(error));
  }
  try {
    signal.throwIfAborted();
    await database.pool.query('select 1');
    return { code: 200 };
  } catch (error) {
    const { failure } = toSqlFailure(error, database.target);
    return refused(failure.code.startsWith('28') ? 401 : failure.code === 'timeout' ? 504 : 502, failure);
  } finally {
    await closeDatabase(database);
  }
}

function refused(code: number, failure: Failure): PingResult {
  return { code, errors: [{ code: failure.code, message: failure.message }] };
}
