import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { openFolder, OWN_FOLDER } from './folder.js';

/** Where a run wrote a file of a step. */
export interface IndexedFile {
  readonly journalPath: string;
  /** relative to the root of file connections */
  readonly directoryPath: string;
}

/**
 * Files of a run by step, whatever folders their records led them to. An entry is made before its file is begun, so an
 * entry without a file is that of a process that died in between.
 */
export class FileIndex {
  constructor(
    private readonly root: string | undefined,
    private readonly stepId: string,
  ) {}

  async add(runId: string, folder: string, journalPath: string): Promise<void> {
    const base = await this.#base();
    const own = this.#folderIn(base);
    await mkdir(own, { recursive: true });
    const line: IndexedFile = { journalPath, directoryPath: relative(base, folder) };
    // The leading line break ends whatever a dead process left without one.
    await appendFile(join(own, runId), `\n${JSON.stringify(line)}`, { flush: true });
  }

  async files(runId: string): Promise<readonly IndexedFile[]> {
    const path = join(this.#folderIn(await this.#base()), runId);
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    const byJournal = new Map<string, IndexedFile>();
    for (const line of text.split('\n')) {
      const file = parseLine(line);
      if (file !== null) byJournal.set(file.journalPath, file);
    }
    return [...byJournal.values()];
  }

  /** The folder of the index; older runs are removed there as their journals are. */
  async folder(): Promise<string> {
    return this.#folderIn(await this.#base());
  }

  #folderIn(base: string): string {
    return join(base, OWN_FOLDER, 'files', this.stepId);
  }

  async #base(): Promise<string> {
    const base = await openFolder(this.root, '', true);
    if (typeof base !== 'string') throw new Error(base.message);
    return base;
  }
}

/** The last line of a process that died while writing it is no JSON. */
function parseLine(line: string): IndexedFile | null {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === 'object' && parsed !== null && 'journalPath' in parsed ? (parsed as IndexedFile) : null;
  } catch {
    return null;
  }
}
