import type { Getter } from '#engine/paths/index';
import type { Failure } from '#failures';
import type { JsonRecord, JsonValue } from '#model';
import { connectorCodes as codes } from './codes.js';
import { asText } from './as-text.js';
import { compileConfiguredPath } from './configured-path.js';

/** Largest record, in bytes of JSON. Reference: runtime §2. */
export const MAX_RECORD_BYTES = 5 * 1024 * 1024;

/** Finds the records of a parsed document. */
export type RecordReader = (document: unknown) => readonly JsonValue[];

export interface RecordRules {
  readonly resourcePath?: string;
  readonly includeParentData?: boolean;
  readonly twoDArray?: { readonly hasHeader?: boolean; readonly doNotNormalize?: boolean };
}

/**
 * Compiles where the records of a document are: a bare array's elements, an object itself, or what `resourcePath` finds.
 * A path that resolves to nothing gives no records and no error. Reference: runtime §6.3, §6.4.
 *
 * @throws PlatformError for a malformed path
 */
export function compileRecordReader(rules: RecordRules, field: string): RecordReader {
  const locate = locator(rules, field);
  const { twoDArray } = rules;
  if (twoDArray === undefined || twoDArray.doNotNormalize) return locate;
  return (document) => rowsToObjects(locate(document), twoDArray.hasHeader ?? false);
}

function locator(rules: RecordRules, field: string): RecordReader {
  const path = rules.resourcePath;
  if (!path) return asRecords;
  const get = compileConfiguredPath(path, `${field}.resourcePath`);
  const flatten = path.startsWith('$') || path.includes('*');
  const read: RecordReader = (document) => {
    const found = asRecords(get(document));
    // `$.orders[*].lines` matches one array per order; the records are what is in them.
    return flatten && found.length > 0 && found.every(Array.isArray) ? (found as JsonValue[][]).flat() : found;
  };
  if (!rules.includeParentData || path.startsWith('$')) return read;
  const cut = path.lastIndexOf('.');
  const parentOf: Getter =
    cut < 0 ? (document) => document as JsonValue : compileConfiguredPath(path.slice(0, cut), field);
  const own = path.slice(cut + 1);
  return (document) => withParent(read(document), parentOf(document), own);
}

function asRecords(found: unknown): readonly JsonValue[] {
  if (found === undefined || found === null) return [];
  return Array.isArray(found) ? (found as JsonValue[]) : [found as JsonValue];
}

function withParent(records: readonly JsonValue[], parent: JsonValue | undefined, own: string): readonly JsonValue[] {
  if (!isObject(parent)) return records;
  const { [own]: _records, ...surroundings } = parent;
  return records.map((record) => (isObject(record) ? { ...record, _PARENT: surroundings } : record));
}

/** Rows of values become objects; names from the first row, or `Column0`, `Column1` … */
function rowsToObjects(rows: readonly JsonValue[], hasHeader: boolean): readonly JsonValue[] {
  const header = hasHeader && Array.isArray(rows[0]) ? (rows[0] as JsonValue[]).map(asText) : [];
  return (hasHeader ? rows.slice(1) : rows).map((row) =>
    Array.isArray(row)
      ? Object.fromEntries(row.map((value, index) => [header[index] ?? `Column${index}`, value as JsonValue]))
      : row,
  );
}

function isObject(value: JsonValue | undefined): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Takes out the records that no page can carry (decision 15).
 *
 * @param sourceBytes size of what the records were parsed from; below the bound nothing needs to be measured
 */
export function dropTooLarge(
  records: readonly JsonValue[],
  sourceBytes: number,
): { readonly records: readonly JsonValue[]; readonly failures: readonly Failure[] } {
  if (sourceBytes <= MAX_RECORD_BYTES) return { records, failures: [] };
  const kept: JsonValue[] = [];
  const failures: Failure[] = [];
  for (const [index, record] of records.entries()) {
    const bytes = Buffer.byteLength(JSON.stringify(record));
    if (bytes <= MAX_RECORD_BYTES) kept.push(record);
    else failures.push(tooLarge(`Record ${index} of the answer has ${bytes} bytes.`));
  }
  return { records: kept, failures };
}

export function tooLarge(detail: string): Failure {
  return {
    code: codes.record_too_large.code,
    message: `${detail} A record may have ${MAX_RECORD_BYTES} bytes; the export went on without it.`,
    source: 'internal',
    classification: 'too_large',
  };
}
