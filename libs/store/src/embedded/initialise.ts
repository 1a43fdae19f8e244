import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, chown, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Binaries } from './binaries.js';
import { isMissing } from './error-code.js';
import type { ServerUser } from './server-user.js';

const run = promisify(execFile);

export interface Cluster {
  readonly directory: string;
  readonly superuser: string;
  readonly password: string;
}

/**
 * Makes a new cluster, unless there is one. Made aside and moved into place when complete, so that a process killed in
 * between leaves no half of one.
 */
export async function initialise(cluster: Cluster, binaries: Binaries, user: ServerUser): Promise<void> {
  await removeUnfinished(cluster.directory);
  if (await exists(join(cluster.directory, 'PG_VERSION'))) return;
  const aside = `${cluster.directory}${unfinished}${randomBytes(6).toString('hex')}`;
  const passwordFile = `${aside}.password`;
  await mkdir(aside, { mode: 0o700 });
  try {
    await writeFile(passwordFile, `${cluster.password}\n`, { mode: 0o600 });
    if (user.uid !== undefined && user.gid !== undefined) {
      await chown(aside, user.uid, user.gid);
      await chown(passwordFile, user.uid, user.gid);
    }
    await run(
      binaries.initdb,
      [
        `--pgdata=${aside}`,
        `--username=${cluster.superuser}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
      ],
      { ...user, cwd: '/' },
    );
    await rename(aside, cluster.directory);
  } catch (cause) {
    const output = typeof cause === 'object' && cause !== null && 'stderr' in cause ? String(cause.stderr).trim() : '';
    const hint =
      user.uid === undefined ? '' : ' The user "postgres" must be able to reach the data directory and the binaries.';
    throw new Error(`The database could not be made in ${cluster.directory}.${hint} ${output}`.trim(), { cause });
  } finally {
    await rm(passwordFile, { force: true });
    await rm(aside, { recursive: true, force: true });
  }
}

const unfinished = '.new-';

async function removeUnfinished(directory: string): Promise<void> {
  const parent = dirname(directory);
  const names = (await readdir(parent)).filter((name) => name.startsWith(`${basename(directory)}${unfinished}`));
  for (const name of names) await rm(join(parent, name), { recursive: true, force: true });
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
