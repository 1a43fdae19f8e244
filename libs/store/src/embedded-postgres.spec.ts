import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { eventually } from '#testing/eventually';
import { findBinaries } from './embedded/binaries.js';
import { findServerUser } from './embedded/server-user.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.js';

describe('the embedded PostgreSQL server', () => {
  let dataDir: string;
  const running: EmbeddedPostgres[] = [];
  const warnings: string[] = [];

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'millrace-embedded-'));
    // As a data directory in a user's project: the server's own user can pass through.
    await chmod(dataDir, 0o755);
  });

  afterEach(async () => {
    await Promise.all(running.splice(0).map((server) => server.stop()));
    await rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
    warnings.length = 0;
  });

  const start = async (port?: number) => {
    const onWarning = (message: string) => void warnings.push(message);
    const server = await startEmbeddedPostgres({ dataDir, onWarning, ...(port && { port }) });
    running.push(server);
    return server;
  };
  const stop = async () => running.pop()?.stop();
  const query = async (url: string, sql: string): Promise<unknown[]> => {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query({ text: sql, rowMode: 'array' })).rows.flat();
    } finally {
      await client.end();
    }
  };
  const serverPid = async () =>
    Number((await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8')).split('\n')[0]);

  it('is durable, listens on loopback only, and keeps its password to its owner', async () => {
    const { url } = await start();
    const setting = (name: string) => query(url, `show ${name}`);
    expect(await setting('fsync')).toEqual(['on']);
    expect(await setting('synchronous_commit')).toEqual(['on']);
    expect(await setting('full_page_writes')).toEqual(['on']);
    expect(await setting('listen_addresses')).toEqual(['127.0.0.1']);
    expect(await setting('unix_socket_directories')).toEqual(['']);
    expect((await stat(join(dataDir, 'postgres.json'))).mode & 0o777).toBe(0o600);
    const wrong = new URL(url);
    wrong.password = 'wrong';
    await expect(query(wrong.href, 'select 1')).rejects.toThrow(/password/);
  });

  it('finds its data and its address again', async () => {
    const { url } = await start();
    await query(url, 'create table kept as select 42 as answer');
    await stop();
    const again = await start();
    expect(again.url).toBe(url);
    expect(await query(again.url, 'select answer from kept')).toEqual([42]);
    expect(warnings).toEqual([]);
  });

  it('moves to another port when somebody took its own', async () => {
    const { url } = await start();
    await stop();
    const thief = createServer().listen(Number(new URL(url).port), '127.0.0.1');
    await once(thief, 'listening');
    try {
      const again = await start();
      expect(again.url).not.toBe(url);
      expect(await query(again.url, 'select 1')).toEqual([1]);
    } finally {
      thief.close();
    }
  });

  it('refuses a directory that a living process uses', async () => {
    const { url } = await start();
    await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(`is in use by process ${process.pid}`);
    expect(await query(url, 'select 1')).toEqual([1]);
  });

  it('comes back by itself, with what was committed, when the server is killed', async () => {
    const { url } = await start();
    await query(url, 'create table kept as select 42 as answer');
    process.kill(await serverPid(), 'SIGKILL');
    await eventually('the server to answer again', () =>
      query(url, 'select answer from kept').then(
        ([answer]) => answer === 42,
        () => false,
      ),
    );
    expect(warnings).toHaveLength(1);
    await stop();
    await expect(query(url, 'select 1')).rejects.toThrow();
  });

  it('takes over from a process that was killed and left its server running', async () => {
    const { url } = await start();
    await query(url, 'create table kept as select 42 as answer');
    await stop();
    // A shell that starts the server and ends at once leaves it as an orphan, as a killed process does.
    const { postgres } = await findBinaries();
    const orphaned = `"${postgres}" -D "${dataDir}/postgres" -p ${new URL(url).port} -c unix_socket_directories= >/dev/null 2>&1 &`;
    await once(spawn('sh', ['-c', orphaned], { ...(await findServerUser()), cwd: '/', detached: true }), 'exit');
    await eventually('the orphan to answer', () =>
      query(url, 'select 1').then(
        () => true,
        () => false,
      ),
    );
    const orphan = await serverPid();

    const again = await start();
    expect(await query(again.url, 'select answer from kept')).toEqual([42]);
    expect(await serverPid()).not.toBe(orphan);
  });

  it('is not held up by a pid file whose pid now belongs to somebody else', async () => {
    await start();
    const pidFile = join(dataDir, 'postgres/postmaster.pid');
    const content = await readFile(pidFile, 'utf8');
    await stop();
    await writeFile(pidFile, content.replace(/^\d+/, String(process.pid)));
    const { url } = await start();
    expect(await query(url, 'select 1')).toEqual([1]);
  });

  it('starts anew where the making of the database was cut off', async () => {
    const remains = join(dataDir, 'postgres.new-0123456789ab');
    await mkdir(remains);
    await writeFile(join(remains, 'PG_VERSION'), '18\n');
    const { url } = await start();
    expect(await query(url, 'select 1')).toEqual([1]);
    await expect(access(remains)).rejects.toThrow('ENOENT');
  });

  it('says so when its settings are damaged, and touches nothing', async () => {
    await writeFile(join(dataDir, 'postgres.json'), '{"port":');
    await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(/postgres\.json is damaged/);
  });
});
