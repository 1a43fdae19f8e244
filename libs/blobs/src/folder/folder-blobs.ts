import { randomUUID } from 'node:crypto';
import { constants, type Dirent, type Stats } from 'node:fs';
import { access, lstat, mkdir, open, readdir, realpath, rename, rmdir, rm, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { assertBlobPrefix, parseBlobKey } from '../blob-key.js';
import type { BlobInfo, Blobs } from '../blobs.js';
import { releaseContent, toReadable } from '../content.js';

export interface FolderBlobsOptions {
  /** Created when missing. Nobody else writes here. */
  readonly folder: string;
}

/** Unfinished content. No segment of a key begins with a dot. */
const temporaryName = '.unfinished';

/** A key may be a blob and the beginning of other keys, so folders are told from files by a mark no key can hold. */
const folderMark = '~';

/** Content abandoned by a process that died is deleted when it is as old as this. */
const abandonedAfterMs = 24 * 60 * 60 * 1_000;

/** A concurrent delete may remove a folder that became empty just before a blob is moved into it. */
const maxMoveAttempts = 10;

/**
 * Blobs as files below one folder. A blob is written beside the others, synced, and renamed into place, so that it is
 * there as a whole or not at all. Nothing is followed out of the folder: keys hold no traversal, and symbolic links are
 * never opened.
 */
export class FolderBlobs implements Blobs {
  readonly #folder: string;
  #isClosed = false;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open({ folder }: FolderBlobsOptions): Promise<FolderBlobs> {
    await mkdir(join(folder, temporaryName), { recursive: true, mode: 0o700 });
    const blobs = new FolderBlobs(await realpath(folder));
    await blobs.#removeAbandoned();
    return blobs;
  }

  async put(key: string, content: Uint8Array | Readable): Promise<BlobInfo> {
    const temporary = join(this.#folder, temporaryName, randomUUID());
    try {
      const path = this.#pathOf(key);
      const written = await this.#write(temporary, content);
      await this.#moveIntoPlace(temporary, path);
      return toInfo(key, written);
    } catch (error) {
      releaseContent(content);
      await rm(temporary, { force: true });
      throw error;
    }
  }

  async get(key: string): Promise<Readable | null> {
    const path = this.#pathOf(key);
    if (!(await this.#isReachable(dirname(path)))) return null;
    try {
      const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
      return file.createReadStream();
    } catch (error) {
      if (isAbsence(error)) return null;
      throw error;
    }
  }

  async stat(key: string): Promise<BlobInfo | null> {
    const path = this.#pathOf(key);
    if (!(await this.#isReachable(dirname(path)))) return null;
    const found = await statOrNull(path);
    return found?.isFile() ? toInfo(key, found) : null;
  }

  async delete(key: string): Promise<void> {
    const path = this.#pathOf(key);
    if (!(await this.#isReachable(dirname(path)))) return;
    try {
      await unlink(path);
    } catch (error) {
      if (isAbsence(error)) return;
      throw error;
    }
    await this.#removeEmptyFolders(dirname(path));
  }

  async *list(prefix: string): AsyncIterable<BlobInfo> {
    this.#assertOpen();
    assertBlobPrefix(prefix);
    yield* this.#listFolder(this.#folder, '', prefix);
  }

  async isReady(): Promise<boolean> {
    if (this.#isClosed) return false;
    try {
      await access(join(this.#folder, temporaryName), constants.W_OK);
      return true;
    } catch {
      return false;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  async #write(path: string, content: Uint8Array | Readable): Promise<Stats> {
    const file = await open(path, 'wx', 0o600);
    try {
      await pipeline(toReadable(content), async (chunks: AsyncIterable<Uint8Array | string>) => {
        for await (const chunk of chunks) await file.writeFile(chunk);
      });
      await file.sync();
      return await file.stat();
    } finally {
      await file.close();
    }
  }

  async #moveIntoPlace(temporary: string, path: string): Promise<void> {
    for (let attempt = 1; !(await this.#tryMove(temporary, path)); attempt += 1) {
      if (attempt === maxMoveAttempts) throw new Error(`The folder of the blob at ${path} keeps disappearing`);
    }
    try {
      await syncFolder(dirname(path));
    } catch (error) {
      // Deleted meanwhile, together with its folder.
      if (!isAbsence(error)) throw error;
    }
  }

  async #tryMove(temporary: string, path: string): Promise<boolean> {
    try {
      await this.#makeFolders(dirname(path));
      await rename(temporary, path);
      return true;
    } catch (error) {
      if (isAbsence(error)) return false;
      throw error;
    }
  }

  /** Creates the folders that are missing, one by one: `mkdir` with `recursive` would walk through symbolic links. */
  async #makeFolders(folder: string): Promise<void> {
    if (folder === this.#folder) return;
    await this.#makeFolders(dirname(folder));
    try {
      await mkdir(folder, 0o700);
      await syncFolder(dirname(folder));
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
      const found = await statOrNull(folder);
      if (found && !found.isDirectory()) throw error;
    }
  }

  /** Whether the way to a folder leads through real folders only. */
  async #isReachable(folder: string): Promise<boolean> {
    if (folder === this.#folder) return true;
    return (await this.#isReachable(dirname(folder))) && (await statOrNull(folder))?.isDirectory() === true;
  }

  async #removeEmptyFolders(folder: string): Promise<void> {
    if (folder === this.#folder) return;
    try {
      await rmdir(folder);
    } catch (error) {
      // Something else is in it, or somebody else removed it: either way it is not ours any more.
      if (isAbsence(error) || ['ENOTEMPTY', 'EEXIST'].includes(errorCode(error) ?? '')) return;
      throw error;
    }
    await this.#removeEmptyFolders(dirname(folder));
  }

  async *#listFolder(folder: string, keyOfFolder: string, prefix: string): AsyncIterable<BlobInfo> {
    for (const { key, path, isFolder } of await entriesOf(folder, keyOfFolder)) {
      if (isFolder) {
        if (key.startsWith(prefix) || prefix.startsWith(key)) yield* this.#listFolder(path, key, prefix);
      } else if (key.startsWith(prefix)) {
        const found = await statOrNull(path);
        if (found?.isFile()) yield toInfo(key, found);
      }
    }
  }

  async #removeAbandoned(): Promise<void> {
    const temporaryFolder = join(this.#folder, temporaryName);
    for (const name of await readdir(temporaryFolder)) {
      const path = join(temporaryFolder, name);
      const found = await statOrNull(path);
      if (found && Date.now() - found.mtimeMs > abandonedAfterMs) await rm(path, { force: true });
    }
  }

  #pathOf(key: string): string {
    this.#assertOpen();
    const segments = parseBlobKey(key);
    const folders = segments.slice(0, -1).map((segment) => `${segment}${folderMark}`);
    return join(this.#folder, ...folders, segments[segments.length - 1] as string);
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new Error('The blob store is closed');
  }
}

interface Entry {
  /** of a folder: with the `/` that ends it */
  readonly key: string;
  readonly path: string;
  readonly isFolder: boolean;
}

/** In order of key: all keys below a folder begin with its name and `/`, so that is what it sorts by. */
async function entriesOf(folder: string, keyOfFolder: string): Promise<Entry[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
  return entries
    .filter((entry) => entry.isFile() || (entry.isDirectory() && entry.name.endsWith(folderMark)))
    .map((entry) => {
      const isFolder = entry.isDirectory();
      const name = isFolder ? `${entry.name.slice(0, -folderMark.length)}/` : entry.name;
      return { key: `${keyOfFolder}${name}`, path: join(folder, entry.name), isFolder };
    })
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** A file's name is durable once its folder is synced. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function statOrNull(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
}

function toInfo(key: string, { size, mtime }: Stats): BlobInfo {
  return { key, bytes: size, storedAt: mtime.toISOString() };
}

/** Missing, below something that is no folder, or a symbolic link. */
function isAbsence(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP', 'EMLINK'].includes(errorCode(error) ?? '');
}

function errorCode(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : undefined;
}
