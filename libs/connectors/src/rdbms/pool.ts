import { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';
import { PlatformError } from '#failures';
import type { Connection, JsonRecord } from '#model';
import type { EgressGuard } from '#security/egress';
import { jsonTypes } from './types.js';

type StoredConnection = Connection & { readonly _id: string };
type Rdbms = NonNullable<Connection['rdbms']>;

const CONNECT_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 30_000;
const DEFAULT_CONCURRENCY = 5;
const DEFAULT_PORT = 5432;

/** A database of one connection, with its sockets in this worker. */
export interface Database {
  /** Sessions of statements: no more than these can run at a time. */
  readonly pool: pg.Pool;
  /**
   * Sessions of sources, which keep theirs between fetches while nothing runs in it. Statements never wait for one: a
   * source may wait, by way of its pages, for the statements that mark its records.
   */
  readonly readers: pg.Pool;
  /** Host and port. */
  readonly target: string;
  /** With secrets opened, as templates see it. */
  readonly document: JsonRecord;
}

/**
 * Opens the pool of a connection; no socket is made before the first query. Nothing is taken from the process's
 * environment (`PGHOST`, `~/.pgpass` …): a connection reaches what it says and nothing else (P7).
 *
 * @throws PlatformError `not_supported` for other databases, `invalid_value` for incomplete settings
 */
export function openDatabase(document: StoredConnection, guard: EgressGuard): Database {
  const { rdbms } = document;
  if (rdbms === undefined) throw new PlatformError('invalid_value', 'The connection has no rdbms settings.');
  if (rdbms.type !== 'postgresql') {
    throw new PlatformError('not_supported', `Databases of type ${rdbms.type} are not supported yet.`);
  }
  const { host, user } = rdbms;
  const port = rdbms.port ?? DEFAULT_PORT;
  if (!host) throw new PlatformError('invalid_value', 'rdbms.host is missing.');
  if (!user) throw new PlatformError('invalid_value', 'rdbms.user is missing.');
  // To the client, a host with a slash is the path of a Unix socket: a way around the network policy.
  if (host.includes('/')) throw new PlatformError('invalid_value', 'rdbms.host is not a host name.');
  const open = (): pg.Pool => openPool(document, rdbms, { host, port, user }, guard);
  return { pool: open(), readers: open(), target: `${host}:${port}`, document: document };
}

/** Ends the sockets, once what runs on them is done. */
export async function closeDatabase({ pool, readers }: Database): Promise<void> {
  await Promise.all([pool.end(), readers.end()]);
}

function openPool(
  document: StoredConnection,
  rdbms: Rdbms,
  { host, port, user }: { readonly host: string; readonly port: number; readonly user: string },
  guard: EgressGuard,
): pg.Pool {
  const pool = new pg.Pool({
    host,
    port,
    user,
    // A function, because an empty text would make the client look into the environment.
    password: () => rdbms.password ?? '',
    database: rdbms.database || user,
    ssl: tlsOf(document, rdbms),
    options: startupOptions(rdbms),
    application_name: 'millrace',
    max: rdbms.concurrencyLevel ?? DEFAULT_CONCURRENCY,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    keepAlive: true,
    allowExitOnIdle: true,
    types: jsonTypes,
    stream: () => new GuardedSocket(guard),
  });
  // An idle connection that the server ends is replaced by the next query; without a listener it would end the process.
  pool.on('error', () => undefined);
  // The same for one that is in use: its query fails, which is how its user learns of it.
  pool.on('connect', (client) => void client.on('error', () => undefined));
  return pool;
}

/** A socket that connects to checked addresses only. */
class GuardedSocket extends Socket {
  readonly #guard: EgressGuard;

  constructor(guard: EgressGuard) {
    super();
    this.#guard = guard;
  }

  /** `pg` calls this with port and host, or with the path of a Unix socket. */
  override connect(port: unknown, host?: unknown): this {
    try {
      if (typeof port !== 'number' && typeof port !== 'string') throw new TypeError('A port is needed.');
      if (typeof host !== 'string') throw new TypeError('A host is needed.');
      this.#guard.assertLiteral(host);
      return super.connect({ port: Number(port), host, lookup: this.#guard.lookup });
    } catch (error) {
      process.nextTick(() => this.destroy(error as Error));
      return this;
    }
  }
}

function tlsOf(document: StoredConnection, rdbms: Rdbms): ConnectionOptions | false {
  const own = typeof rdbms.ssl === 'object' ? (rdbms.ssl as Readonly<Record<string, unknown>>) : {};
  const certificates = { ...document.ssl, ...own };
  const isWanted = rdbms.ssl === true || typeof rdbms.ssl === 'object' || document.ssl !== undefined;
  if (!isWanted) return false;
  const options: ConnectionOptions = { rejectUnauthorized: !rdbms.disableStrictSSL };
  for (const name of ['ca', 'cert', 'key', 'passphrase'] as const) {
    const value = certificates[name];
    if (typeof value === 'string' && value !== '') options[name] = value;
  }
  return options;
}

/**
 * `options[{name,value}]` become run-time parameters of the session. Quoting of literals depends on one of them, which is
 * therefore set last.
 */
function startupOptions(rdbms: Rdbms): string {
  const parameters = (rdbms.options ?? []).map(({ name, value }) => {
    if (!/^[A-Za-z_][A-Za-z0-9_.]*$/.test(name)) {
      throw new PlatformError('invalid_value', `rdbms.options has no valid name: ${name.slice(0, 100)}`);
    }
    return `-c ${name}=${(value ?? '').replace(/[\\ ]/g, '\\$&')}`;
  });
  return [...parameters, '-c standard_conforming_strings=on'].join(' ');
}
