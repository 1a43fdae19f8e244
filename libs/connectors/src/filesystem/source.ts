import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Filter } from '#engine/filter/index';
import type { Failure } from '#failures';
import type { JsonRecord, JsonValue } from '#model';
import { connectorCodes as codes } from '../codes.js';
import { connectionFailure } from '../connection-failure.js';
import { stepRoots } from '../contexts.js';
import type { ConnectorHost, Cursor, Permit, Source, SourceChunk, StepContext } from '../ports.js';
import { SourceError } from '../ports.js';
import { MAX_RECORD_BYTES } from '../records.js';
import { render, type Template } from '../templates.js';
import { openFile } from './bytes.js';
import { compileFileFilter, type FileRead, readFileSettings, type StoredExport } from './export-settings.js';
import { openFolder, toFileFailure } from './folder.js';
import { ParkedFiles } from './parked-files.js';
import { type ReadableFile, readableText, wholeText } from './pre-parse.js';
import { readCsv } from './read-csv.js';
import { approximateSize, type FileItem, FileReadError, readJson } from './read-json.js';

/** A chunk ends at whichever comes first. */
const CHUNK_RECORDS = 2_000;
const CHUNK_BYTES = 1024 * 1024;

/** Where a folder export stands: files are read in the order of their names. */
interface Position {
  readonly file: string;
  /** Records of the file handed over, failed ones included. */
  readonly items: number;
  readonly isDone: boolean;
}

interface FoundFile {
  readonly name: string;
  readonly path: string;
  readonly size: number;
  readonly modifiedMs: number;
}

/**
 * A folder as page generator. A file that cannot be read to its end stays where it is and ends the export; one that was
 * read is moved out of the way unless `skipDelete` (see {@link ParkedFiles}). To go on in the middle of a file its records
 * are read again and skipped. A test run changes nothing in the folder. Reference: runtime §7.1, §21.
 */
export class FilesystemSource implements Source {
  readonly #step: StoredExport;
  readonly #host: ConnectorHost;
  readonly #read: FileRead;

  /** @throws PlatformError when the export cannot be run as it is configured */
  constructor(step: StoredExport, host: ConnectorHost) {
    this.#step = step;
    this.#host = host;
    this.#read = readFileSettings(step);
  }

  async *read(cursor: Cursor | null, context: StepContext): AsyncIterable<SourceChunk> {
    const position = cursor as unknown as Position | null;
    const folder = await this.#folder(this.#read.directory, context, false);
    const backup =
      this.#read.backup === null || context.run.testMode ? null : await this.#folder(this.#read.backup, context, true);
    const parked = new ParkedFiles(folder, this.#step._id, context.run.runId);
    const filter = compileFileFilter(this.#read.rules, context.settings);
    const files = await guarded(() => this.#list(folder, parked, filter), 'The folder');
    const keepsFiles = this.#keepsFiles || context.run.testMode;
    if (position === null && !context.run.testMode)
      await guarded(() => parked.removeOld(this.#host.clock.now()), 'The folder');
    const ahead = files.filter(
      ({ name }) => position === null || name > position.file || (name === position.file && !position.isDone),
    );

    for (const [index, file] of ahead.entries()) {
      const isLast = index === ahead.length - 1;
      const skip = position !== null && file.name === position.file ? position.items : 0;
      let isBegun = skip > 0;
      for await (const chunk of this.#chunks(file, skip, context)) {
        const begins = isBegun ? {} : { breaksGroup: true as const };
        isBegun = true;
        yield {
          ...chunk,
          ...begins,
          next: chunk.next === null && isLast && keepsFiles ? null : (chunk.next ?? done(file)),
        };
      }
      if (!keepsFiles) {
        await guarded(() => parked.park(file.name, backup), file.name);
        if (isLast) yield { records: [], next: null, bytes: 0, failures: [] };
      }
    }
    if (ahead.length === 0) yield { records: [], next: null, bytes: 0, failures: [] };
  }

  get #keepsFiles(): boolean {
    return this.#read.file.skipDelete === true || this.#read.file.output === 'metadata';
  }

  async *#chunks(file: FoundFile, skip: number, context: StepContext): AsyncGenerator<SourceChunk> {
    const fileMeta: JsonRecord = { fileName: file.name, fileSize: file.size, lastModifiedTime: file.modifiedMs };
    if (this.#read.file.output === 'metadata') {
      yield { records: [fileMeta], fileMeta, next: null, bytes: 200, failures: [] };
      return;
    }
    const content = await guarded(
      () =>
        openFile(file.path, {
          encoding: this.#read.file.encoding ?? 'utf8',
          gzip: this.#read.file.compressionFormat === 'gzip',
        }),
      file.name,
    );
    try {
      yield* this.#parsed(file, await this.#readable(file, { content, fileMeta }, context), skip, context);
    } finally {
      content.destroy();
    }
  }

  /** The file, or what the user's function makes of it; called again when a reading goes on in the middle of it. */
  async #readable(file: FoundFile, opened: ReadableFile, context: StepContext): Promise<ReadableFile> {
    const { preParse } = context;
    if (preParse === undefined) return opened;
    const permit = await this.#permit(context);
    let text: string;
    try {
      text = await wholeText(opened.content);
    } catch (error) {
      throw unreadable(file, error);
    } finally {
      permit.release();
    }
    const parsed = await preParse({ preParseData: text, fileMeta: opened.fileMeta });
    if ('failure' in parsed) throw unreadable(file, new FileReadError(parsed.failure));
    return readableText(parsed);
  }

  async *#parsed(
    file: FoundFile,
    { content, fileMeta }: ReadableFile,
    skip: number,
    context: StepContext,
  ): AsyncGenerator<SourceChunk> {
    let permit = await this.#permit(context);
    try {
      let records: JsonValue[] = [];
      let failures: Failure[] = [];
      let items = 0;
      // Of the records: readers read ahead, files are compressed, and rows of CSV do not repeat the names of their columns.
      let bytes = 1;
      for await (const item of this.#items(file, content)) {
        items += 1;
        if (items <= skip) continue;
        if ('record' in item) {
          records.push(item.record);
          bytes += approximateSize(item.record, MAX_RECORD_BYTES);
        } else failures.push({ ...item.failure, message: `${file.name}: ${item.failure.message}` });
        if (records.length + failures.length < CHUNK_RECORDS && bytes < CHUNK_BYTES) continue;
        permit.release();
        yield {
          records,
          fileMeta,
          failures,
          next: { file: file.name, items, isDone: false },
          bytes,
        };
        permit = await this.#permit(context);
        bytes = 1;
        records = [];
        failures = [];
      }
      yield { records, fileMeta, failures, next: null, bytes };
    } catch (error) {
      throw error instanceof SourceError ? error : unreadable(file, error);
    } finally {
      permit.release();
    }
  }

  #items(file: FoundFile, content: Readable): AsyncGenerator<FileItem> {
    const type = this.#read.typeOf(file.name);
    if (type === 'csv') return readCsv(content, this.#read.file.csv ?? {});
    if (type === 'json') return readJson(content, this.#read.file.json?.resourcePath);
    throw new FileReadError({
      code: 'not_supported',
      message: 'What kind of file this is cannot be told from its name; set file.type.',
      source: 'resource',
    });
  }

  async #list(folder: string, parked: ParkedFiles, filter: Filter): Promise<readonly FoundFile[]> {
    const found = new Map<string, string>();
    for (const name of await parked.names()) found.set(name, parked.pathOf(name));
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      // Links are left alone: they may lead anywhere.
      if (entry.isFile()) found.set(entry.name, join(folder, entry.name));
    }
    const files: FoundFile[] = [];
    for (const [name, path] of found) {
      if (!this.#read.accepts(name)) continue;
      const { size, mtimeMs } = await lstat(path);
      const meta = {
        fileName: name,
        fileSize: size,
        lastModifiedTime: mtimeMs,
        lastModified: new Date(mtimeMs).toISOString(),
      };
      const passes = filter(meta);
      if (typeof passes !== 'boolean') throw new FileReadError(passes);
      if (passes) files.push({ name, path, size, modifiedMs: Math.round(mtimeMs) });
    }
    return files.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  async #folder(template: Template, context: StepContext, create: boolean): Promise<string> {
    const opened = await this.#host.openSecrets(context.connection).catch((error: unknown) => {
      throw new SourceError(connectionFailure(error));
    });
    const roots = stepRoots(context, opened, 'export', this.#step as unknown as JsonRecord);
    const path = render(template, roots, { nowMs: context.run.nowMs });
    if (typeof path !== 'string') throw new SourceError(path);
    const folder = await openFolder(this.#host.filesystemRoot, path, create);
    if (typeof folder !== 'string') throw new SourceError(folder);
    return folder;
  }

  async #permit(context: StepContext): Promise<Permit> {
    try {
      context.signal.throwIfAborted();
      return await this.#host.limits.acquire(context.connection._id, context.signal);
    } catch (error) {
      if (!context.signal.aborted) throw error;
      throw new SourceError({ code: codes.canceled.code, message: 'The run was canceled.', source: 'internal' });
    }
  }
}

function done(file: FoundFile): Cursor {
  return { file: file.name, items: 0, isDone: true };
}

function unreadable(file: FoundFile, error: unknown): SourceError {
  const failure = error instanceof FileReadError ? error.failure : toFileFailure(error, file.name);
  return new SourceError({ ...failure, message: `${file.name}: ${failure.message}` });
}

async function guarded<T>(work: () => Promise<T>, what: string): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof FileReadError) throw new SourceError(error.failure);
    throw new SourceError(toFileFailure(error, what));
  }
}
