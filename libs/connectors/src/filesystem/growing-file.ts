import { constants } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What the journal of a growing file says. */
export interface Journal {
  readonly fileName: string;
  readonly columns: readonly string[];
  /** Size of the file after the last page that was written whole. */
  readonly size: number;
  /** Pages that are in the file, by their key. */
  readonly pages: ReadonlySet<string>;
}

interface JournalLine {
  readonly fileName?: string;
  readonly columns?: readonly string[];
  readonly page?: string;
  readonly size?: number;
}

/** Journals remembered per process; a run rarely writes more than one file at a time. */
const MAX_REMEMBERED = 64;

interface Remembered {
  journal: Journal;
  readonly pages: Set<string>;
  /** Bytes of the journal's own file; another size means that another process wrote a page. */
  bytes: number;
}

/**
 * Journals beside files that several pages write to. A journal is written after its file, so a page that is in it is in
 * the file; what a dead process wrote beyond is cut off by the next page. A page that comes again finds itself there.
 * Callers hold the folder's lock.
 */
export class Journals {
  readonly #remembered = new Map<string, Remembered>();

  /** @returns null when there is none yet */
  async read(path: string): Promise<Journal | null> {
    const bytes = await sizeOf(path);
    if (bytes === null) return null;
    const known = this.#remembered.get(path);
    if (known !== undefined && known.bytes === bytes) return known.journal;
    const parsed = parseJournal(await readFile(path, 'utf8'));
    if (parsed === null) return null;
    this.#remember(path, { ...parsed, bytes });
    return parsed.journal;
  }

  async start(path: string, fileName: string, columns: readonly string[]): Promise<Journal> {
    const pages = new Set<string>();
    const journal: Journal = { fileName, columns, size: 0, pages };
    this.#remember(path, { journal, pages, bytes: await appendLine(path, { fileName, columns }) });
    return journal;
  }

  async addPage(path: string, journal: Journal, page: string, size: number): Promise<void> {
    const bytes = await appendLine(path, { page, size });
    const known = this.#remembered.get(path);
    if (known === undefined || known.journal !== journal) return;
    known.pages.add(page);
    known.journal = { ...journal, size, pages: known.pages };
    known.bytes = bytes;
  }

  #remember(path: string, remembered: Remembered): void {
    this.#remembered.delete(path);
    this.#remembered.set(path, remembered);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > MAX_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
  }
}

function parseJournal(text: string): { journal: Journal; pages: Set<string> } | null {
  let fileName: string | null = null;
  let columns: readonly string[] = [];
  let size = 0;
  const pages = new Set<string>();
  for (const line of text.split('\n')) {
    const entry = parseLine(line);
    if (entry === null) continue; // the last line of a process that died while writing it
    if (entry.fileName !== undefined) {
      fileName = entry.fileName;
      columns = entry.columns ?? [];
    }
    if (entry.page !== undefined && entry.size !== undefined) {
      pages.add(entry.page);
      size = entry.size;
    }
  }
  return fileName === null ? null : { journal: { fileName, columns, size, pages }, pages };
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Adds a line and makes it durable; returns the size of the journal's file. */
async function appendLine(path: string, line: JournalLine): Promise<number> {
  const handle = await open(path, 'a');
  try {
    // The leading line break ends whatever a dead process left without one.
    await handle.appendFile(`\n${JSON.stringify(line)}`);
    await handle.sync();
    return (await handle.stat()).size;
  } finally {
    await handle.close();
  }
}

/**
 * Writes bytes at a position and cuts off what follows; durable when it returns. A symbolic link in the file's place is
 * refused by the system.
 */
export async function writeAt(folder: string, name: string, position: number, bytes: Buffer): Promise<number> {
  const handle = await open(join(folder, name), constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o640);
  try {
    await handle.truncate(position);
    await handle.write(bytes, 0, bytes.length, position);
    await handle.sync();
    return position + bytes.length;
  } finally {
    await handle.close();
  }
}

function parseLine(line: string): JournalLine | null {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === 'object' && parsed !== null ? parsed : null;
  } catch {
    return null;
  }
}
