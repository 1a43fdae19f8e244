import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, rename } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Binaries } from './binaries.js';
import { codeOf, isMissing } from './error-code.js';
import type { ServerUser } from './server-user.js';

export interface Launch {
  readonly directory: string;
  readonly logFile: string;
  readonly port: number;
  readonly binaries: Binaries;
  readonly user: ServerUser;
  /** Of the database that every cluster has; asked until it answers. */
  readonly probeUrl: string;
}

/** Durability is PostgreSQL's default and said here so that no file in the cluster can take it away. */
const parameters = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  max_wal_size: '2GB',
};

/**
 * Starts a server process and waits until it takes connections, recovery included.
 *
 * @throws Error when it ends instead
 */
export async function launch(options: Launch): Promise<ChildProcess> {
  await keepLastLog(options.logFile);
  const log = await open(options.logFile, 'a', 0o600);
  const child = spawn(
    options.binaries.postgres,
    [
      '-D',
      options.directory,
      '-p',
      String(options.port),
      ...Object.entries(parameters).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    // Its own session, so that Ctrl-C reaches only us, who drain first; a log file, because a pipe would end with us.
    { ...options.user, cwd: '/', detached: true, stdio: ['ignore', log.fd, log.fd] },
  );
  try {
    await once(child, 'spawn');
    child.unref();
    await untilReady(child, options.probeUrl);
    return child;
  } catch (error) {
    child.kill('SIGQUIT');
    throw new Error(`PostgreSQL did not start; see ${options.logFile}`, { cause: error });
  } finally {
    await log.close();
  }
}

export const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

async function untilReady(child: ChildProcess, url: string): Promise<void> {
  while (!hasEnded(child)) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    // A server that ends while we ask reports it here, and the loop sees it.
    client.on('error', () => {});
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (!isStarting(error)) throw error;
    }
    await delay(30);
  }
  throw new Error(`The server ended with ${child.exitCode ?? child.signalCode}`);
}

/** Not listening yet, or listening and still recovering (57P03); a wrong password, say, will not get better. */
function isStarting(error: unknown): boolean {
  const code = codeOf(error);
  return code === undefined || code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === '57P03';
}

async function keepLastLog(logFile: string): Promise<void> {
  try {
    await rename(logFile, `${logFile}.1`);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
