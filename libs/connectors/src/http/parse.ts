import { parse as parseCsv } from 'csv-parse/sync';
import type { Failure } from '#failures';
import { textOf } from './client.js';
import type { Answer } from './wire.js';

/** Bytes of an unreadable answer that its failure shows (decision 14). */
const SHOWN_CHARACTERS = 512;

/** `isJson`: the value is that of the body's text as JSON. */
export type Parsed = { readonly value: unknown; readonly isJson?: true } | { readonly failure: Failure };

/**
 * Parses the answer to a read: by the configured media type, else by its content type, else by looking at it.
 * An empty body is `undefined`. Reference: runtime §6.1, decision 14.
 */
export function parseAnswer(answer: Answer, mediaType: 'json' | 'xml' | 'csv' | 'plaintext' | undefined): Parsed {
  if (answer.status === 204 || answer.body.length === 0) return { value: undefined };
  const text = textOf(answer);
  if (text.trim() === '') return { value: undefined };
  const contentType = String(answer.headers['content-type'] ?? '');
  if (mediaType === 'csv' || (mediaType === undefined && contentType.startsWith('text/csv'))) return parseTable(text);
  try {
    return { value: JSON.parse(text) as unknown, isJson: true };
  } catch {
    return { failure: unreadable(text, contentType) };
  }
}

function parseTable(text: string): Parsed {
  try {
    return { value: parseCsv(text, { columns: true, skip_empty_lines: true, relax_column_count: true }) };
  } catch {
    return { failure: unreadable(text, 'text/csv') };
  }
}

function unreadable(text: string, contentType: string): Failure {
  const kind = contentType === '' ? 'without a content type' : `of type ${contentType.slice(0, 100)}`;
  return {
    code: 'parse_error',
    message: `The answer ${kind} cannot be parsed. It begins: ${text.slice(0, SHOWN_CHARACTERS)}`,
    source: 'resource',
    classification: 'parse',
  };
}
