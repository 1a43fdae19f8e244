import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'undici';
import { exchange } from './exchange.js';
import { peakRssMb, runCommand, runScript, startServer } from './processes.js';
import type { BenchOptions } from './result.js';
import { brokerPids, cpuOf, readCounts, type Counts, type CpuByProcess } from './usage.js';

/** Millrace under test: its API, and its processes for what they cost. */
export interface Platform {
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Follows server-sent events until the server ends them. @returns the data of the last one */
  lastEvent<T>(path: string): Promise<T>;
  /**
   * Starts counting; the returned function tells what was used since.
   *
   * @param others processes that belong to neither the platform nor its brokers, by name
   */
  measure(others?: Readonly<Record<string, number>>): Promise<() => Promise<Usage>>;
  peakRss(): Record<string, number>;
  stop(): Promise<void>;
}

export interface Usage {
  /** CPU seconds of Millrace's own processes, and with those of brokers and database */
  readonly own: number;
  readonly all: number;
  readonly byProcess: CpuByProcess;
  /** null where there is no broker to ask */
  readonly counts: Counts | null;
}

const settings = { MILLRACE_API_RATE: 'off', MILLRACE_EGRESS_ALLOW: '127.0.0.0/8', LOG_LEVEL: 'warn' };

export async function startPlatform(options: BenchOptions): Promise<Platform> {
  return options.mode === 'cluster' ? startCluster() : startEmbedded();
}

async function startCluster(): Promise<Platform> {
  await runCommand('bin/brokers', ['up']);
  const brokers = Object.fromEntries(
    (await runCommand('bin/brokers', ['env']))
      .split('\n')
      .map((line) => /^export (\w+)='?([^']*)'?$/.exec(line))
      .filter((match) => match !== null)
      .map((match) => [match[1], match[2]]),
  );
  const token = `bench-${randomBytes(16).toString('hex')}`;
  const env = { ...settings, ...brokers, PORT: process.env['PORT'] ?? '3900', MILLRACE_TOKEN: token };
  await cluster(env, 'up', '--fresh');
  const services = JSON.parse(await cluster(env, 'status', '--json')) as {
    name: string;
    pid: number;
    port: number;
    kind: string;
  }[];
  const gateway = services.find((s) => s.kind === 'gateway');
  if (!gateway) throw new Error('The cluster has no gateway.');
  return platform(
    `http://127.0.0.1:${gateway.port}`,
    token,
    () => Object.fromEntries(services.map((s) => [s.name, s.pid])),
    async () => void (await cluster(env, 'down', '--drop')),
    brokers['DATABASE_URL'],
  );
}

/** What is measured is built already: straight to the program behind bin/cluster. */
const cluster = (env: NodeJS.ProcessEnv, ...args: string[]): Promise<string> =>
  runScript('tools/cluster/main.mjs', args, env);

async function startEmbedded(): Promise<Platform> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  // Started by root, PostgreSQL runs as a user of its own, who has to get through to its data.
  await chmod(folder, 0o711);
  const token = `bench-${randomBytes(16).toString('hex')}`;
  const { answer, pid } = await startServer(
    'dist/apps/standalone/src/main.js',
    { ...settings, PORT: '0', MILLRACE_DATA_DIR: folder, MILLRACE_TOKEN: token },
    /(http:\/\/[^\s/]+)/,
  );
  return platform(
    answer,
    token,
    () => ({ standalone: pid }),
    () => rm(folder, { recursive: true, force: true }),
  );
}

function platform(
  url: string,
  token: string,
  pids: () => Record<string, number>,
  stop: () => Promise<void>,
  databaseUrl?: string,
): Platform {
  const pool = new Pool(url, { connections: 128 });
  // A stream holds its connection, so those that start runs must not wait behind them.
  const streams = new Pool(url, { connections: 512 });
  const authorized = { authorization: `Bearer ${token}` };
  return {
    call: async <T>(method: string, path: string, body?: unknown): Promise<T> => {
      const { status, text } = await exchange(pool, {
        method,
        path,
        headers: { ...authorized, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        body: body === undefined ? null : JSON.stringify(body),
      });
      if (status >= 300) throw new Error(`${method} ${path} answered ${status}: ${text}`);
      return (text === '' ? undefined : JSON.parse(text)) as T;
    },
    lastEvent: async <T>(path: string): Promise<T> => {
      const { status, text } = await exchange(streams, { method: 'GET', path, headers: authorized, body: null });
      if (status >= 300) throw new Error(`GET ${path} answered ${status}: ${text}`);
      const last = text.lastIndexOf('\ndata: ');
      if (last < 0) throw new Error(`GET ${path} ended without an event.`);
      return JSON.parse(text.slice(last + 7, text.indexOf('\n', last + 1))) as T;
    },
    measure: async (others = {}) => {
      const own = pids();
      const brokers = databaseUrl === undefined ? {} : brokerPids();
      const read = (): CpuByProcess => cpuOf({ ...own, ...brokers, ...others });
      const countsBefore = await readCounts(databaseUrl);
      const before = read();
      return async () => {
        const after = read();
        const countsAfter = await readCounts(databaseUrl);
        const byProcess = Object.fromEntries(
          Object.entries(after).map(([name, seconds]) => [name, seconds - (before[name] ?? 0)]),
        );
        const sum = (names: readonly string[]): number => names.reduce((total, name) => total + byProcess[name]!, 0);
        const ownNames = Object.keys(own);
        return {
          own: sum(ownNames),
          all: sum([...ownNames, ...Object.keys(brokers)]),
          byProcess,
          counts: countsBefore && countsAfter && difference(countsAfter, countsBefore),
        };
      };
    },
    peakRss: () => Object.fromEntries(Object.entries(pids()).map(([name, pid]) => [name, Math.round(peakRssMb(pid))])),
    stop: async () => {
      await Promise.all([pool.close(), streams.close()]);
      await stop();
    },
  };
}

function difference(after: Counts, before: Counts): Counts {
  return {
    natsMessagesIn: after.natsMessagesIn - before.natsMessagesIn,
    natsMessagesOut: after.natsMessagesOut - before.natsMessagesOut,
    transactions: after.transactions - before.transactions,
  };
}
