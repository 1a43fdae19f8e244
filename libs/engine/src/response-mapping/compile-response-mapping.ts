import { isRecord, type JsonRecord, type JsonValue, type ResponseMapping } from '#model';
import {
  compileSegments,
  compileSetter,
  every,
  isPlain,
  parsePath,
  type Draft,
  type Getter,
  type Segment,
  type Setter,
} from '../paths/index.js';

/** Merges an answer into its record; gives a new record and leaves both inputs as they are. */
export type MapResponse = (record: JsonValue, response: JsonRecord) => JsonValue;

export type CompiledResponseMapping =
  | { readonly map: MapResponse }
  | { readonly error: { readonly code: 'invalid_value'; readonly message: string } }
  /** Nothing is mapped. */
  | { readonly identity: true };

interface Merge {
  readonly read: Getter;
  readonly write: Setter;
}

class ResponseMappingError extends Error {
  override readonly name = 'ResponseMappingError';
}

/**
 * Compiles a response mapping against the envelope of a lookup (`{statusCode, data, errors}`) or an import
 * (`{statusCode, id, ignored, errors, _json, dataURI}`). What resolves to nothing merges nothing. Reference: runtime §15.
 */
export function compileResponseMapping(mapping: ResponseMapping | undefined): CompiledResponseMapping {
  try {
    const merges = [
      ...(mapping?.fields ?? []).map((field) => compileField(field.extract, field.generate)),
      ...(mapping?.lists ?? []).map((list) => compileList(list.generate, list.fields ?? [])),
    ].filter((merge) => merge !== null);
    if (merges.length === 0) return { identity: true };
    return {
      map: (record, response) => {
        if (!isRecord(record) && !isList(record)) return record;
        const merged = (isRecord(record) ? { ...record } : record.slice()) as unknown as Draft;
        for (const merge of merges) {
          const value = merge.read(response);
          if (value !== undefined) merge.write(merged, value);
        }
        return merged as unknown as JsonValue;
      },
    };
  } catch (error) {
    if (error instanceof ResponseMappingError) return { error: { code: 'invalid_value', message: error.message } };
    throw error;
  }
}

function compileTarget(generate: string | undefined): Setter {
  const write = generate === undefined ? null : compileSetter(generate, { shared: true });
  if (write === null) throw new ResponseMappingError(`The target ${JSON.stringify(generate)} is malformed.`);
  return write;
}

/** `[*]` is not honoured outside of lists, and neither is a bare `$`: they merge nothing. */
function compileField(extract: string | undefined, generate: string | undefined): Merge | null {
  if (extract === undefined || extract === '' || generate === undefined || generate === '') return null;
  const segments = parsePath(extract.replace(/^\$\.?(?=.)/, ''));
  if (segments === null) throw new ResponseMappingError(`The extract ${JSON.stringify(extract)} is malformed.`);
  const write = compileTarget(generate);
  return isPlain(segments) ? { read: compileSegments(segments), write } : null;
}

interface Column {
  /** Elements of the list that the column reads; absent for a value that repeats. */
  readonly elements?: Getter;
  readonly read: Getter;
  readonly write: Setter;
}

function compileList(
  generate: string | undefined,
  fields: readonly { readonly extract?: string; readonly generate?: string }[],
): Merge | null {
  if (generate === undefined || generate === '') return null;
  const columns = fields.map(compileColumn).filter((column) => column !== null);
  if (columns.length === 0) return null;
  return { read: (response) => readList(response, columns), write: compileTarget(generate) };
}

function compileColumn(field: { readonly extract?: string; readonly generate?: string }): Column | null {
  if (field.extract === undefined || field.extract === '' || field.generate === undefined || field.generate === '')
    return null;
  const segments = parsePath(field.extract.replace(/^\$\.?(?=.)/, ''));
  if (segments === null) throw new ResponseMappingError(`The extract ${JSON.stringify(field.extract)} is malformed.`);
  const write = compileSetter(field.generate, { shared: true });
  if (write === null) throw new ResponseMappingError(`The target ${JSON.stringify(field.generate)} is malformed.`);
  const star = segments.lastIndexOf(every);
  if (star < 0) return { read: compileSegments(segments), write };
  return {
    elements: compileElements(segments.slice(0, star + 1)),
    read: compileSegments(segments.slice(star + 1)),
    write,
  };
}

/** Observed of the API we follow: of a response whose root is an array only the first element is kept (runtime §15). */
function compileElements(path: readonly Segment[]): Getter {
  if (path[0] !== '_json' || path[1] !== every) return compileSegments(path);
  const readRoot = compileSegments(['_json']);
  const readElements = compileSegments(path.slice(1));
  return (response) => {
    const root = readRoot(response);
    return readElements(Array.isArray(root) ? root.slice(0, 1) : root);
  };
}

function readList(response: unknown, columns: readonly Column[]): JsonValue {
  const sources = columns.map((column) => column.elements?.(response) as readonly JsonValue[] | undefined);
  const lengths = sources.filter((source) => source !== undefined).map((source) => source.length);
  // A list of repeating values only has one element.
  const length = lengths.length === 0 ? 1 : lengths.reduce((longest, one) => Math.max(longest, one), 0);
  const list: Draft[] = [];
  for (let index = 0; index < length; index += 1) {
    const element: Draft = {};
    columns.forEach((column, at) => {
      const source = sources[at];
      const value = column.read(source === undefined ? response : source[index]);
      if (value !== undefined) column.write(element, value);
    });
    list.push(element);
  }
  return list as unknown as JsonValue;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
