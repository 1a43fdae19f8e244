import { type Filter, compileFilter } from '#engine/filter/index';
import { PlatformError } from '#failures';
import type { Export, JsonRecord } from '#model';
import { compileTemplate, type Template } from '../templates.js';
import { checkResourcePath } from './read-json.js';

export type StoredExport = Export & { readonly _id: string };
export type FileSettings = NonNullable<Export['file']>;

/** A folder export, compiled. Reference: resources §4.5, runtime §7.1. */
export interface FileRead {
  readonly directory: Template;
  readonly backup: Template | null;
  readonly file: FileSettings;
  readonly rules: unknown;
  accepts(fileName: string): boolean;
  /** Of one file: settled by the export, else by its name. */
  typeOf(fileName: string): 'csv' | 'json' | null;
}

/** @throws PlatformError `not_supported` or `invalid_value`: nothing is skipped silently */
export function readFileSettings(step: StoredExport): FileRead {
  const directoryPath = step.filesystem?.directoryPath;
  if (!directoryPath) throw new PlatformError('invalid_value', 'The export has no filesystem.directoryPath.');
  const file = step.file ?? {};
  refuseUnsupported(step, file);
  checkResourcePath(file.json?.resourcePath);
  const rules = file.filter?.expression?.rules ?? file.filter?.rules;
  compileFileFilter(rules, {});
  const { fileNameStartsWith: start = '', fileNameEndsWith: end = '', type } = file;
  return {
    directory: compileTemplate(directoryPath, 'text', 'resource', 'directory path'),
    backup: file.backupPath ? compileTemplate(file.backupPath, 'text', 'resource', 'backup path') : null,
    file,
    rules,
    accepts: (name) => name.startsWith(start) && name.endsWith(end),
    typeOf: (name) => (type === 'csv' || type === 'json' ? type : typeByName(name)),
  };
}

/** @throws PlatformError for rules that are no filter */
export function compileFileFilter(rules: unknown, settings: Readonly<Record<string, JsonRecord>>): Filter {
  const compiled = compileFilter(rules, { settings, source: 'output_filter' });
  if ('error' in compiled) throw new PlatformError(compiled.error.code, compiled.error.message);
  return compiled.filter;
}

function typeByName(name: string): 'csv' | 'json' | null {
  const bare = name.toLowerCase().replace(/\.gz$/, '');
  if (/\.(json|jsonl|ndjson)$/.test(bare)) return 'json';
  return /\.(csv|tsv|txt)$/.test(bare) ? 'csv' : null;
}

function refuseUnsupported(step: StoredExport, file: FileSettings): void {
  const refuse = (what: string): never => {
    throw new PlatformError('not_supported', `${what} is not supported yet.`);
  };
  if (file.type !== undefined && file.type !== 'csv' && file.type !== 'json') refuse(`The file type ${file.type}`);
  if (file.output === 'blobKeys' || step.type === 'blob') refuse('An export of file contents as blobs');
  if (step.type === 'delta' || step.type === 'once') refuse(`A file export of type ${step.type}`);
  if (file.compressionFormat === 'zip') refuse('The compression format zip');
  if (file.decrypt !== undefined) refuse('Decryption');
  if ((file.sortByFields?.length ?? 0) > 0) refuse('sortByFields');
  if (file.filter?.type === 'script') refuse('A file filter by script');
  if (file.directory !== undefined || file.backupDirectory !== undefined) refuse('directory by id');
}
