import type { JsonRecord, JsonValue } from '#model';
import { compileRecordContext, type TemplateScope } from './expressions/template-scope.js';
import type { RunContext } from './run-context.js';
import { own } from './paths/index.js';
import { compileTemplate } from './template/index.js';

/** Reference: errors §10: stored up to here, in characters. */
export const maxTraceKeyLength = 512;

/** Names that identify a record, best first. */
const exact = ['id', '_id', 'Id', 'ID', 'key', 'uuid', 'guid', 'externalId', 'external_id'];

/** Whether a field is taken for a trace key when no template says otherwise. */
export function isIdLike(name: string): boolean {
  return exact.includes(name) || /(?:[a-z0-9]I[dD]|_id|_ID)$/.test(name);
}

/**
 * The record's stable name when no template gives one: its most id-like field with a scalar value; empty when it has none.
 * For a grouped record, that of its first row. Reference: errors §10.
 */
export function pickTraceKey(record: JsonValue): string {
  const row: unknown = Array.isArray(record) ? record[0] : record;
  if (typeof row !== 'object' || row === null || Array.isArray(row)) return '';
  for (const name of exact) {
    const key = toKey(own(row, name));
    if (key !== '') return key;
  }
  for (const name of Object.keys(row)) {
    if (!isIdLike(name)) continue;
    const key = toKey((row as JsonRecord)[name]);
    if (key !== '') return key;
  }
  return '';
}

function toKey(value: unknown): string {
  if (typeof value === 'string') return value.slice(0, maxTraceKeyLength);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

export type TraceKey = (record: JsonValue, run: RunContext) => string;

/**
 * Compiles `traceKeyTemplate`. A template that fails or prints nothing for a record falls back to the picked key: a record
 * never fails for want of a name.
 */
export function compileTraceKey(template: string | undefined, scope: TemplateScope): TraceKey {
  if (template === undefined || template === '') return pickTraceKey;
  const compiled = compileTemplate(template, { target: 'text', source: 'resource', purpose: 'trace key' });
  const context = compileRecordContext(scope, compiled.roots);
  return (record, run) => {
    const key = compiled.render(context(record, run), run);
    return typeof key === 'string' && key !== '' ? key.slice(0, maxTraceKeyLength) : pickTraceKey(record);
  };
}
