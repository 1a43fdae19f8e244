import { lstat, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { ImportOutcome, PageIdentity, PreparedRecord } from '#engine';
import { type Failure, PlatformError } from '#failures';
import type { Import, JsonRecord, JsonValue } from '#model';
import { cutUtf8 } from '#security/mask';
import { connectorCodes as codes } from '../codes.js';
import { connectionFailure } from '../connection-failure.js';
import { importContext, readsBareFields, stepRoots } from '../contexts.js';
import { idempotencyKey } from '../idempotency.js';
import {
  type ConnectorHost,
  type Destination,
  maxPlannedBodyBytes,
  type PlannedRequest,
  type StepContext,
  type WrittenFile,
} from '../ports.js';
import { compileTemplate, render, type Template } from '../templates.js';
import { FileIndex } from './file-index.js';
import { openFolder, OWN_FOLDER, safeFileName, toFileFailure } from './folder.js';
import { withFolderLock } from './folder-lock.js';
import { type Journal, Journals, writeAt } from './growing-file.js';
import { WRITABLE_ENCODINGS, type WriteFormat, writeFormat } from './write-format.js';

export type StoredImport = Import & { readonly _id: string };
type FileSettings = NonNullable<Import['file']>;

/** Journals of runs this old are removed when a new run writes its first page. */
const JOURNAL_KEPT_MS = 7 * 24 * 60 * 60_000;

/**
 * A folder import: one file per run, which grows by whole pages (aggregation `all`, the default), or one per page. A page
 * that comes again after a crash changes nothing. While a run goes on, its file is valid after every page.
 * Reference: runtime §9.3, resources §5.4.
 */
export class FilesystemDestination implements Destination {
  readonly #step: StoredImport;
  readonly #host: ConnectorHost;
  readonly #file: FileSettings;
  readonly #perPage: boolean;
  readonly #directory: Template;
  readonly #fileName: Template;
  readonly #bareFields: boolean;
  readonly #journals = new Journals();
  /** null: nobody asks for the files of a run */
  readonly #index: FileIndex | null;

  /** @throws PlatformError when the import cannot be run as it is configured */
  constructor(step: StoredImport, host: ConnectorHost) {
    const { file, filesystem } = step;
    if (!filesystem?.directoryPath)
      throw new PlatformError('invalid_value', 'The import has no filesystem.directoryPath.');
    if (file === undefined) throw new PlatformError('invalid_value', 'The import has no file settings.');
    refuseUnsupported(step, file);
    this.#step = step;
    this.#host = host;
    this.#file = file;
    this.#perPage = file.skipAggregation === true || file.aggregation?.type === 'page';
    this.#directory = compileTemplate(filesystem.directoryPath, 'text', 'resource', 'directory path');
    this.#fileName = compileTemplate(file.fileName, 'text', 'resource', 'file name');
    this.#bareFields = readsBareFields([this.#directory, this.#fileName]);
    this.#index = step.hooks?.postAggregate === undefined ? null : new FileIndex(host.filesystemRoot, step._id);
  }

  async submit(
    page: PageIdentity,
    records: readonly PreparedRecord[],
    context: StepContext,
  ): Promise<readonly ImportOutcome[]> {
    if (records.length === 0) return [];
    const { limits } = this.#host;
    let permit;
    try {
      context.signal.throwIfAborted();
      permit = await limits.acquire(context.connection._id, context.signal);
    } catch (error) {
      if (!context.signal.aborted) throw error;
      const failure: Failure = {
        code: codes.canceled.code,
        message: 'The run was canceled before this page was written.',
        source: 'internal',
      };
      return records.map(() => refused(failure));
    }
    try {
      return await this.#write(page, records, context);
    } catch (error) {
      const failure = toFileFailure(error, 'The file');
      return records.map(() => refused(failure));
    } finally {
      permit.release();
    }
  }

  async preview(
    _page: PageIdentity,
    records: readonly PreparedRecord[],
    context: StepContext,
  ): Promise<readonly PlannedRequest[]> {
    if (records.length === 0) return [];
    const common = { system: 'filesystem', method: 'write', indices: records.map(({ index }) => index) } as const;
    const paths = await this.#render(records[0]!.mapped, context);
    if ('code' in paths) return [{ ...common, target: '', failure: paths }];
    const target = join(paths.directory, paths.fileName);
    const format = writeFormat({ ...this.#file, compressionFormat: undefined, encoding: 'utf8' }, paths.fileName);
    if (format === null) return [{ ...common, target, failure: unwritable(this.#file.type) }];
    const columns = format.columnsOf(records.map(({ mapped }) => mapped));
    const items = records.map(({ mapped }) => format.item(mapped, columns)).filter((item) => typeof item === 'string');
    const content = `${String(format.head(columns))}${items.join(format.plainSeparator)}${String(format.trailer)}`;
    return [{ ...common, target, body: cutUtf8(content, maxPlannedBodyBytes) }];
  }

  async writtenFiles({ run }: StepContext): Promise<readonly WrittenFile[]> {
    const files: WrittenFile[] = [];
    for (const { journalPath, directoryPath } of (await this.#index?.files(run.runId)) ?? []) {
      const journal = await this.#journals.read(journalPath);
      if (journal === null || journal.size === 0) continue;
      files.push({ fileName: journal.fileName, directoryPath, fileSize: journal.size });
    }
    return files;
  }

  async #write(
    page: PageIdentity,
    records: readonly PreparedRecord[],
    context: StepContext,
  ): Promise<readonly ImportOutcome[]> {
    const names = await this.#names(records[0]!.mapped, context);
    if ('code' in names) return records.map(() => refused(names));
    const { folder, fileName } = names;
    const format = writeFormat(this.#file, fileName);
    if (format === null) return records.map(() => refused(unwritable(this.#file.type)));

    const own = join(folder, OWN_FOLDER, 'written', this.#step._id);
    await mkdir(own, { recursive: true });
    // Routers part a page: what a step gets of it is named by its records, not by the page alone.
    const indices = records.map(({ index }) => index);
    const pageKey = idempotencyKey(context.run.runId, context.stepId, page, indices);
    const journalPath = join(own, this.#perPage ? `${context.run.runId}.${pageKey}` : context.run.runId);
    return withFolderLock(join(own, 'lock'), this.#host.clock, context.signal, async () => {
      let journal = await this.#journals.read(journalPath);
      if (journal === null) {
        if (page.page === 0) await this.#removeOld(own);
        await this.#index?.add(context.run.runId, folder, journalPath);
        journal = await this.#start(journalPath, folder, fileName, format, records);
      }
      const written = journal.pages.has(pageKey);
      const { text, outcomes } = itemsOf(records, format, journal);
      if (written || text === null) return outcomes;
      const isFirst = journal.size === 0;
      const position = isFirst ? 0 : journal.size - format.trailer.length;
      const bytes = Buffer.concat([isFirst ? format.head(journal.columns) : format.separator, text, format.trailer]);
      const size = isFirst
        ? await replaceWhole(folder, own, journal.fileName, bytes)
        : await writeAt(folder, journal.fileName, position, bytes);
      await this.#journals.addPage(journalPath, journal, pageKey, size);
      return outcomes;
    });
  }

  async #removeOld(own: string): Promise<void> {
    const nowMs = this.#host.clock.now();
    await removeOldJournals(own, nowMs);
    if (this.#index !== null) await removeOldJournals(await this.#index.folder(), nowMs);
  }

  /** Settles the name of the file, which must not be another run's, and its columns. */
  async #start(
    journalPath: string,
    folder: string,
    wanted: string,
    format: WriteFormat,
    records: readonly PreparedRecord[],
  ): Promise<Journal> {
    const fileName = await freeName(folder, wanted);
    const columns = format.columnsOf(records.map(({ mapped }) => mapped));
    return this.#journals.start(journalPath, fileName, columns);
  }

  async #names(first: JsonValue, context: StepContext): Promise<{ folder: string; fileName: string } | Failure> {
    const paths = await this.#render(first, context);
    if ('code' in paths) return paths;
    const folder = await openFolder(this.#host.filesystemRoot, paths.directory, true);
    return typeof folder === 'string' ? { folder, fileName: paths.fileName } : folder;
  }

  /** Directory and name as templates give them; nothing is looked at on disk. */
  async #render(first: JsonValue, context: StepContext): Promise<{ directory: string; fileName: string } | Failure> {
    let connection;
    try {
      connection = await this.#host.openSecrets(context.connection);
    } catch (error) {
      return connectionFailure(error);
    }
    const roots = stepRoots(context, connection, 'import', this.#step as unknown as JsonRecord);
    const values = importContext(roots, first, this.#bareFields);
    const environment = { nowMs: context.run.nowMs };
    const directory = render(this.#directory, values, environment);
    if (typeof directory !== 'string') return directory;
    const rendered = render(this.#fileName, values, environment);
    if (typeof rendered !== 'string') return rendered;
    const fileName = safeFileName(rendered);
    if (fileName === null) {
      return {
        code: 'invalid_value',
        message: `${JSON.stringify(rendered.slice(0, 300))} is no file name.`,
        source: 'resource',
        classification: 'value',
      };
    }
    return { directory, fileName };
  }
}

function itemsOf(
  records: readonly PreparedRecord[],
  format: WriteFormat,
  journal: Journal,
): { text: Buffer | null; outcomes: ImportOutcome[] } {
  const parts: string[] = [];
  const accepted: ImportOutcome = { statusCode: 200, id: journal.fileName, _json: { fileName: journal.fileName } };
  const outcomes = records.map(({ mapped }) => {
    const item = format.item(mapped, journal.columns);
    if (typeof item !== 'string') return refused(item);
    parts.push(item);
    return accepted;
  });
  if (parts.length === 0) return { text: null, outcomes };
  return { text: format.encode(parts.join(format.plainSeparator)), outcomes };
}

/** The first page appears whole or not at all: written aside, then renamed. */
async function replaceWhole(folder: string, own: string, name: string, bytes: Buffer): Promise<number> {
  const temporary = join(own, `${name}.new`);
  const handle = await open(temporary, 'w', 0o640);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, join(folder, name));
  return bytes.length;
}

/** `name.ext`, or `name-1.ext` … when a file of that name is there already: no run overwrites another's data. */
async function freeName(folder: string, wanted: string): Promise<string> {
  const extension = extname(wanted);
  const stem = extension === '' ? wanted : wanted.slice(0, -extension.length);
  for (let attempt = 0; ; attempt += 1) {
    const name = attempt === 0 ? wanted : `${stem}-${attempt}${extension}`;
    const taken = await lstat(join(folder, name)).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return false;
        throw error;
      },
    );
    if (!taken) return name;
  }
}

async function removeOldJournals(own: string, nowMs: number): Promise<void> {
  await mkdir(own, { recursive: true });
  for (const name of await readdir(own)) {
    if (name === 'lock') continue;
    const path = join(own, name);
    const { mtimeMs } = await stat(path);
    if (nowMs - mtimeMs > JOURNAL_KEPT_MS) await rm(path, { force: true });
  }
}

function refuseUnsupported(step: StoredImport, file: FileSettings): void {
  const refuse = (what: string): never => {
    throw new PlatformError('not_supported', `${what} is not supported yet.`);
  };
  if (file.type !== undefined && file.type !== 'json' && file.type !== 'csv') refuse(`The file type ${file.type}`);
  if (file.aggregation?.type === 'key') refuse('The aggregation key');
  if (file.compressionFormat === 'zip') refuse('The compression format zip');
  if (file.encrypt) refuse('Encryption');
  if (file.json?.resourcePath) refuse('json.resourcePath of an import');
  if (file.encoding !== undefined && !WRITABLE_ENCODINGS.has(file.encoding))
    refuse(`Writing the encoding ${file.encoding}`);
  if (file.backupPath || file.directory !== undefined || file.backupDirectory !== undefined)
    refuse('backupPath and directory of an import');
  if (step.blob || step.blobKeyPath) refuse('A blob import');
  if ((file.lookups ?? step.lookups ?? []).some(({ map }) => map === undefined)) refuse('A dynamic lookup');
}

function unwritable(type: string | undefined): Failure {
  return { code: 'not_supported', message: `Files of type ${type} cannot be written yet.`, source: 'resource' };
}

function refused(failure: Failure): ImportOutcome {
  return { statusCode: failure.source === 'connection' ? 403 : 422, failures: [failure] };
}
