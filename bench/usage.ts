import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { request } from 'undici';
import { cpuSeconds, root } from './processes.js';

/** CPU seconds that a process and its children, ended ones included, have used so far, by name. */
export type CpuByProcess = Readonly<Record<string, number>>;

/** What brokers and database were asked so far. */
export interface Counts {
  readonly natsMessagesIn: number;
  readonly natsMessagesOut: number;
  /** committed, in all databases of the server */
  readonly transactions: number;
}

const folder = process.env['MILLRACE_BROKERS_DIR'] ?? join(root, '.brokers');

/** Process ids of the servers that `bin/brokers` started, by name; none of those that others run on this machine. */
export function brokerPids(): Record<string, number> {
  return Object.fromEntries(
    ['nats', 'kafka', 'postgres'].flatMap((name) => {
      const pid = Number(readOrEmpty(join(folder, name, 'pid')));
      return pid > 0 ? [[name, pid]] : [];
    }),
  );
}

/** Reads the CPU of each process with its children: PostgreSQL is one process per connection. */
export function cpuOf(pids: Readonly<Record<string, number>>): CpuByProcess {
  const children = childrenByParent();
  const total = (pid: number): number =>
    cpuSeconds(pid) + (children.get(pid) ?? []).reduce((sum, child) => sum + total(child), 0);
  return Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, total(pid)]));
}

/** @returns null where a server cannot be asked */
export async function readCounts(databaseUrl: string | undefined): Promise<Counts | null> {
  const port = readOrEmpty(join(folder, 'nats', 'monitoring-port')).trim();
  if (port === '' || databaseUrl === undefined) return null;
  const answer = await request(`http://127.0.0.1:${port}/varz`);
  const { in_msgs, out_msgs } = (await answer.body.json()) as { in_msgs: number; out_msgs: number };
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ commits: string }>(
      'select sum(xact_commit) as commits from pg_stat_database',
    );
    return { natsMessagesIn: in_msgs, natsMessagesOut: out_msgs, transactions: Number(rows[0]?.commits) };
  } finally {
    await client.end();
  }
}

function childrenByParent(): Map<number, number[]> {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = readOrEmpty(`/proc/${entry}/stat`);
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  return children;
}

/** A process may end while it is looked at, a server may never have run: then there is nothing to read. */
function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
