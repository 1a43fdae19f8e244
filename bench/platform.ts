import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'undici';
import { cpuSeconds, parentPid, peakRssMb, root, runCommand, runScript, startServer } from './processes.js';
import type { BenchOptions } from './result.js';

/** Seconds of CPU: of our own processes, with brokers, and of each. */
export interface CpuUse {
  readonly own: number;
  readonly all: number;
  readonly byProcess: Readonly<Record<string, number>>;
}

/** Millrace under test: its API, and its processes for what they cost. */
export interface Platform {
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Follows server-sent events until the server ends them. @returns the data of the last one */
  lastEvent<T>(path: string): Promise<T>;
  /** Starts counting CPU; the returned function tells what was used since. */
  measure(): () => CpuUse;
  peakRss(): Record<string, number>;
  stop(): Promise<void>;
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

function platform(url: string, token: string, pids: () => Record<string, number>, stop: () => Promise<void>): Platform {
  const pool = new Pool(url, { connections: 128 });
  // A stream holds its connection, so those that start runs must not wait behind them.
  const streams = new Pool(url, { connections: 512 });
  return {
    call: async <T>(method: string, path: string, body?: unknown): Promise<T> => {
      const response = await pool.request({
        method,
        path,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.body.text();
      if (response.statusCode >= 300) throw new Error(`${method} ${path} answered ${response.statusCode}: ${text}`);
      return (text === '' ? undefined : JSON.parse(text)) as T;
    },
    lastEvent: async <T>(path: string): Promise<T> => {
      const response = await streams.request({ method: 'GET', path, headers: { authorization: `Bearer ${token}` } });
      const text = await response.body.text();
      if (response.statusCode >= 300) throw new Error(`GET ${path} answered ${response.statusCode}: ${text}`);
      const last = text.lastIndexOf('\ndata: ');
      if (last < 0) throw new Error(`GET ${path} ended without an event.`);
      return JSON.parse(text.slice(last + 7, text.indexOf('\n', last + 1))) as T;
    },
    measure: () => {
      const own = pids();
      const all = { ...own, ...brokerPids() };
      const before = cpuOf(all);
      return () => {
        const after = cpuOf(all);
        const byProcess = Object.fromEntries(
          Object.entries(after).map(([name, seconds]) => [name, seconds - (before[name] ?? 0)]),
        );
        const sum = (names: readonly string[]): number => names.reduce((total, name) => total + byProcess[name]!, 0);
        return { own: sum(Object.keys(own)), all: sum(Object.keys(byProcess)), byProcess };
      };
    },
    peakRss: () => Object.fromEntries(Object.entries(pids()).map(([name, pid]) => [name, Math.round(peakRssMb(pid))])),
    stop: async () => {
      await Promise.all([pool.close(), streams.close()]);
      await stop();
    },
  };
}

const cpuOf = (pids: Readonly<Record<string, number | readonly number[]>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(pids).map(([name, pid]) => [
      name,
      [pid].flat().reduce((seconds: number, each: number) => seconds + cpuSeconds(each), 0),
    ]),
  );

/** Processes of `bin/brokers`, each server with its children, by name; their cost is shown beside our own. */
function brokerPids(): Record<string, number[]> {
  const folder = process.env['MILLRACE_BROKERS_DIR'] ?? join(root, '.brokers');
  const parents = parentPids();
  return Object.fromEntries(
    ['nats', 'kafka', 'postgres'].flatMap((name) => {
      const file = join(folder, name, 'pid');
      if (!existsSync(file)) return [];
      const server = Number(readFileSync(file, 'utf8'));
      return [[name, [server, ...[...parents].filter(([, parent]) => parent === server).map(([pid]) => pid)]]];
    }),
  );
}

function parentPids(): Map<number, number> {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = parentPid(Number(entry));
    if (parent !== null) parents.set(Number(entry), parent);
  }
  return parents;
}
