import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Whom PostgreSQL runs as; empty: as this process. */
export interface ServerUser {
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * PostgreSQL refuses to run as root. Where this process is root, as in many containers, the system's user `postgres` runs
 * it, and is made when there is none.
 *
 * @throws Error when the user can neither be found nor made
 */
export async function findServerUser(): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return {};
  const existing = await lookUp();
  if (existing) return existing;
  try {
    await run('useradd', ['--system', '--no-create-home', '--user-group', '--shell', '/bin/false', 'postgres']);
  } catch (cause) {
    throw new Error('PostgreSQL does not run as root, and the user "postgres" could not be made', { cause });
  }
  const made = await lookUp();
  if (!made) throw new Error('PostgreSQL does not run as root, and the user "postgres" was not found after making it');
  return made;
}

async function lookUp(): Promise<{ uid: number; gid: number } | null> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    // `id` fails for an unknown user; that is the answer.
    return null;
  }
}
