import { copyFile, link, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OWN_FOLDER } from './folder.js';

/** Parked files of an older run are removed after this time. */
const KEPT_MS = 60 * 60_000;

/**
 * Files that a run has read to their end. They leave the user's folder, but stay readable: should the run have to go back
 * (its last slice was not durable when a process died), it finds them here, so that nothing is lost (P1). Later runs of
 * the same export remove them.
 */
export class ParkedFiles {
  readonly #all: string;
  readonly #own: string;

  constructor(
    private readonly folder: string,
    exportId: string,
    runId: string,
  ) {
    this.#all = join(folder, OWN_FOLDER, 'read', exportId);
    this.#own = join(this.#all, runId);
  }

  /** Names of the files that this run has parked. */
  async names(): Promise<readonly string[]> {
    return readdir(this.#own).catch(emptyWhenMissing);
  }

  pathOf(name: string): string {
    return join(this.#own, name);
  }

  /**
   * Takes a file out of the user's folder; parking it twice is harmless.
   *
   * @param backup folder that gets the file under its own name, replacing an older one
   */
  async park(name: string, backup: string | null): Promise<void> {
    await mkdir(this.#own, { recursive: true });
    const parked = this.pathOf(name);
    if (backup !== null) {
      const copy = join(backup, name);
      const temporary = `${copy}.${OWN_FOLDER.slice(1)}`;
      await rm(temporary, { force: true });
      const original = await existing(join(this.folder, name), parked);
      if (original !== null) {
        // A second name for the same bytes where the file system allows it.
        await link(original, temporary).catch(() => copyFile(original, temporary));
        await rename(temporary, copy);
      }
    }
    await rename(join(this.folder, name), parked).catch(emptyWhenMissing);
  }

  /** Removes what older runs of the export left. */
  async removeOld(nowMs: number): Promise<void> {
    for (const runId of await readdir(this.#all).catch(emptyWhenMissing)) {
      const path = join(this.#all, runId);
      if (path === this.#own) continue;
      const { mtimeMs } = await stat(path);
      if (nowMs - mtimeMs > KEPT_MS) await rm(path, { recursive: true, force: true });
    }
  }
}

async function existing(...paths: readonly string[]): Promise<string | null> {
  for (const path of paths) {
    const found = await stat(path).catch(() => null);
    if (found !== null) return path;
  }
  return null;
}

function emptyWhenMissing(error: unknown): string[] {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
  throw error;
}
