import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { findBinaries } from './binaries.js';
import { initialise } from './initialise.js';
import { hasEnded, launch, type Launch } from './launch.js';
import { stopOrphan } from './orphan.js';
import { findServerUser } from './server-user.js';
import { prepareSettings, type Settings } from './settings.js';

export interface EmbeddedPostgresOptions {
  /** Holds `postgres/` (the data), `postgres.json` (port and password) and `postgres.log`. Made when absent. */
  readonly dataDir: string;
  /** Default: the port of the last start, or a free one. */
  readonly port?: number;
  /** Gets what an operator should know: that the server ended by itself and was started again. Default: dropped. */
  readonly onWarning?: (message: string) => void;
}

export interface EmbeddedPostgres {
  /** Of a database of our own, on loopback. Holds the password. */
  readonly url: string;
  /** Ends the server in order; open connections are closed. */
  stop(): Promise<void>;
}

const superuser = 'millrace';
const database = 'millrace';

/**
 * Starts a durable PostgreSQL server on loopback for one process, on the data of the last start if there are any. After
 * a kill it takes over: a server left running is ended first, and PostgreSQL recovers what was committed. A server that
 * dies while in use is started again on the same port.
 *
 * @throws Error when another living process uses the directory, or the server does not start
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir);
  const directory = join(dataDir, 'postgres');
  const ownerFile = join(dataDir, 'postgres.owner');
  await mkdir(dataDir, { recursive: true });
  const [binaries, user] = await Promise.all([findBinaries(), findServerUser()]);
  await stopOrphan(directory, ownerFile);
  const settings = await prepareSettings(join(dataDir, 'postgres.json'), options.port);
  await initialise({ directory, superuser, password: settings.password }, binaries, user);
  await writeFile(ownerFile, `${process.pid}\n`);

  const server = new Server(
    {
      directory,
      logFile: join(dataDir, 'postgres.log'),
      port: settings.port,
      binaries,
      user,
      probeUrl: urlOf(settings, 'postgres'),
    },
    options.onWarning ?? (() => {}),
  );
  await server.start();
  try {
    await createDatabase(settings);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { url: urlOf(settings, database), stop: () => server.stop() };
}

function urlOf({ port, password }: Settings, name: string): string {
  return `postgres://${superuser}:${password}@127.0.0.1:${port}/${name}`;
}

async function createDatabase(settings: Settings): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf(settings, 'postgres') });
  await client.connect();
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [database]);
    if (rowCount === 0) await client.query(`create database ${database}`);
  } finally {
    await client.end();
  }
}

const shutdownMs = 60_000;

/** The server process, and the next one when it ends unasked. */
class Server {
  #child: ChildProcess | null = null;
  #stopping = false;
  #restarting: Promise<void> = Promise.resolve();

  constructor(
    private readonly options: Launch,
    private readonly warn: (message: string) => void,
  ) {}

  async start(): Promise<void> {
    this.#watch(await launch(this.options));
    process.on('exit', this.#endWithProcess);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    process.off('exit', this.#endWithProcess);
    await this.#restarting;
    const child = this.#child;
    if (!child || hasEnded(child)) return;
    child.ref();
    const exit = once(child, 'exit');
    const impatient = setTimeout(() => child.kill('SIGQUIT'), shutdownMs);
    // "Fast shutdown": open transactions are rolled back, everything committed is written.
    child.kill('SIGINT');
    await exit;
    clearTimeout(impatient);
  }

  #watch(child: ChildProcess): void {
    this.#child = child;
    const onEnd = () => {
      if (!this.#stopping) this.#restarting = this.#restart();
    };
    if (hasEnded(child)) onEnd();
    else child.once('exit', onEnd);
  }

  async #restart(): Promise<void> {
    for (let pauseMs = 200; !this.#stopping; pauseMs = Math.min(pauseMs * 2, 10_000)) {
      this.warn(`PostgreSQL ended by itself and is started again; see ${this.options.logFile}.1`);
      await delay(pauseMs);
      if (this.#stopping) return;
      try {
        this.#watch(await launch(this.options));
        return;
      } catch (error) {
        this.warn(error instanceof Error ? error.message : String(error));
      }
    }
  }

  /** The last chance when the process ends without stop(): a server that is not left behind needs no recovery. */
  readonly #endWithProcess = (): void => {
    this.#child?.kill('SIGINT');
  };
}
