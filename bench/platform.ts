import { readdirSync, readFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'undici';
import { cpuSeconds, peakRssMb, runCommand, runScript, startServer } from './processes.js';
import type { BenchOptions } from './result.js';

/** Millrace under test: its API, and its processes for what they cost. */
export interface Platform {
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Follows server-sent events until the server ends them. @returns the data of the last one */
  lastEvent<T>(path: string): Promise<T>;
  /** Starts counting CPU; the returned function tells seconds used since, own processes and with brokers. */
  measure(): () => { own: number; all: number };
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
      const own = Object.values(pids());
      const all = [...own, ...brokerPids()];
      const sum = (list: readonly number[]): number => list.reduce((total, pid) => total + cpuSeconds(pid), 0);
      const before = { own: sum(own), all: sum(all) };
      return () => ({ own: sum(own) - before.own, all: sum(all) - before.all });
    },
    peakRss: () => Object.fromEntries(Object.entries(pids()).map(([name, pid]) => [name, Math.round(peakRssMb(pid))])),
    stop: async () => {
      await Promise.all([pool.close(), streams.close()]);
      await stop();
    },
  };
}

/** NATS, Kafka and PostgreSQL processes on this machine, by name; their cost is shown beside our own. */
function brokerPids(): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        return /nats-server|kafka\.Kafka|postgres/.test(
          readFileSync(`/proc/${pid}/cmdline`, 'latin1').slice(0, 20_000),
        );
      } catch {
        return false;
      }
    })
    .map(Number);
}
