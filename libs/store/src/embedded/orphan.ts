import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from './error-code.js';
import { findProcess, signal, waitForExit } from './process-table.js';

const fastShutdownMs = 60_000;

/**
 * Ends the server that a killed process left running on this cluster, and removes the pid file of one that died itself.
 * Its clients are gone, so a new server of our own is the simplest way back; what was committed is in its log.
 *
 * @param ownerFile holds the pid of the process that started the server last
 * @throws Error when a living process uses the cluster
 */
export async function stopOrphan(cluster: string, ownerFile: string): Promise<void> {
  const pidFile = join(cluster, 'postmaster.pid');
  const pid = await readPid(pidFile);
  if (pid === null) return;
  const server = await findProcess(pid);
  if (!server?.command.includes(cluster)) {
    // Left by a server that was killed. PostgreSQL itself would refuse to start if the pid were in use again.
    await rm(pidFile, { force: true });
    return;
  }
  // A child keeps its parent for as long as that lives, so this cannot be a pid that was used again.
  if (server.parentPid === (await readPid(ownerFile))) {
    throw new Error(`${cluster} is in use by process ${server.parentPid}`);
  }
  signal(pid, 'SIGINT');
  if (await waitForExit(pid, fastShutdownMs)) return;
  signal(pid, 'SIGQUIT');
  if (!(await waitForExit(pid, fastShutdownMs)))
    throw new Error(`The PostgreSQL server ${pid} on ${cluster} does not end`);
}

/** First line of a file; null when there is no such file or no pid in it. */
async function readPid(file: string): Promise<number | null> {
  try {
    const pid = Number((await readFile(file, 'utf8')).split('\n')[0]);
    return Number.isSafeInteger(pid) && pid > 1 ? pid : null;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}
