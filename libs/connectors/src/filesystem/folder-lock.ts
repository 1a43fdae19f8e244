import { mkdir, rmdir, stat, utimes } from 'node:fs/promises';
import type { Clock } from '../ports.js';

/** A lock whose holder died is broken after this time; writing one page takes far less. */
const STALE_MS = 60_000;
const POLL_MS = 20;

/**
 * Runs work while no other process that shares the folder does. The lock is a directory, because making one is atomic on
 * every file system, network ones included.
 */
export async function withFolderLock<T>(
  path: string,
  clock: Clock,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      await mkdir(path);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (await isStale(path)) {
      await rmdir(path).catch(() => undefined); // another waiter may have broken it first
      continue;
    }
    await clock.sleep(POLL_MS, signal);
  }
  try {
    await utimes(path, new Date(), new Date());
    return await work();
  } finally {
    await rmdir(path);
  }
}

async function isStale(path: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs > STALE_MS;
  } catch {
    return false; // released in the meantime
  }
}
