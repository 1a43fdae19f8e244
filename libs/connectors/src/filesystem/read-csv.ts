import { pipeline, type Readable } from 'node:stream';
import { type CsvError, parse, type Options } from 'csv-parse';
import type { Export, JsonRecord } from '#model';
import { MAX_RECORD_BYTES } from '../records.js';
import { type FileItem, FileReadError } from './read-json.js';

export type CsvSettings = NonNullable<NonNullable<Export['file']>['csv']>;

/**
 * Rows of a CSV file as records; values are text. A row that cannot be read fails alone. Reference: resources §4.5,
 * runtime §7.1.
 *
 * @throws FileReadError when the file cannot be read any further
 */
export async function* readCsv(content: Readable, settings: CsvSettings): AsyncGenerator<FileItem> {
  const skipped: FileItem[] = [];
  const parser = parse(optionsOf(settings));
  parser.on('skip', (error: CsvError) => void skipped.push({ failure: badRow(error) }));
  pipeline(content, parser, () => undefined); // an error ends the loop below
  const clean = settings.disableQuoteAndStripEnclosingQuotes ? withoutQuotes : (row: JsonRecord) => row;
  try {
    for await (const row of parser as AsyncIterable<JsonRecord | readonly string[]>) {
      if (skipped.length > 0) yield* skipped.splice(0);
      yield { record: clean(Array.isArray(row) ? byColumn(row as readonly string[]) : (row as JsonRecord)) };
    }
    yield* skipped;
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    if (typeof code !== 'string' || !code.startsWith('CSV_')) throw error;
    throw new FileReadError({
      code: 'parse_error',
      message: `The file is no CSV as configured: ${String(message).slice(0, 1000)}`,
      source: 'resource',
      classification: 'parse',
    });
  }
}

function optionsOf(settings: CsvSettings): Options {
  const { columnDelimiter, rowDelimiter, hasHeaderRow, trimSpaces, rowsToSkip } = settings;
  return {
    bom: true,
    delimiter: unescape(columnDelimiter ?? ','),
    ...(rowDelimiter ? { record_delimiter: unescape(rowDelimiter) } : {}),
    columns: hasHeaderRow ?? false,
    from_line: (rowsToSkip ?? 0) + 1,
    trim: trimSpaces ?? false,
    quote: settings.disableQuoteAndStripEnclosingQuotes ? false : '"',
    relax_quotes: true,
    // A short row misses its last values; a long one has values without a name, and fails.
    relax_column_count_less: true,
    relax_column_count: !hasHeaderRow,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: MAX_RECORD_BYTES,
  };
}

/** Without a header, columns are named by their position. Reference: runtime §7.1. */
function byColumn(row: readonly string[]): JsonRecord {
  return Object.fromEntries(row.map((value, index) => [`Column${index}`, value]));
}

/** `\t` and its kin, as people type them. */
function unescape(text: string): string {
  return text.replaceAll('\\t', '\t').replaceAll('\\r', '\r').replaceAll('\\n', '\n');
}

function withoutQuotes(row: JsonRecord): JsonRecord {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name.replace(/^"(.*)"$/s, '$1'),
      typeof value === 'string' ? value.replace(/^"(.*)"$/s, '$1') : value,
    ]),
  );
}

function badRow(error: CsvError) {
  return {
    code: 'parse_error',
    message: `A row of the file cannot be read: ${error.message.slice(0, 1000)}`,
    source: 'resource' as const,
    classification: 'parse' as const,
  };
}
