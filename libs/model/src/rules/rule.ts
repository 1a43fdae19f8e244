import type { Issues } from '../issue.js';
import { isRecord } from '../json.js';
import { valueAt } from '../paths.js';

/** What a check may know besides the document. */
export interface CheckContext {
  /** `replace` is PUT, `patch` a document that was patched. */
  readonly mode: 'create' | 'replace' | 'patch';
  /** epoch milliseconds */
  readonly nowMs: number;
  /** Type of the connection that `_connectionId` names, when it is known. */
  readonly connectionType?: string;
}

/**
 * Rules across fields. They run also when single fields are invalid, so that all problems come back together; a rule
 * therefore trusts nothing about the document but that it is an object.
 */
export type Rules = (document: Readonly<Record<string, unknown>>, issues: Issues, context: CheckContext) => void;

export function textAt(document: unknown, path: string): string | undefined {
  const value = valueAt(document, path);
  return typeof value === 'string' ? value : undefined;
}

/** Whether something usable stands at a path: not absent, null or empty text. */
export function isSet(document: unknown, path: string): boolean {
  const value = valueAt(document, path);
  return value !== undefined && value !== '';
}

export function require(document: unknown, path: string, issues: Issues): void {
  if (!isSet(document, path)) issues.add('missing_required_field', `Expected field: ${path} to be present.`, path);
}

export function elementsAt(document: unknown, path: string): readonly Readonly<Record<string, unknown>>[] {
  const value = valueAt(document, path);
  return Array.isArray(value) ? value.map((element: unknown) => (isRecord(element) ? element : {})) : [];
}

/** A name is required, and not empty except where an update may empty it. Reference: resources §1.2. */
export function checkName(emptyOnUpdate: boolean): Rules {
  return (document, issues, { mode }) => {
    if (document['name'] === '' && !(emptyOnUpdate && mode !== 'create')) {
      issues.add('missing_required_field', 'name must not be empty.', 'name');
    }
  };
}

/** Debug windows are at most an hour ahead. Reference: limits A1. */
export function checkDebugWindow(document: unknown, path: string, issues: Issues, nowMs: number): void {
  const until = textAt(document, path);
  if (until !== undefined && Date.parse(until) > nowMs + 3_600_000) {
    issues.add('invalid_field_value', `${path} must be at most one hour ahead.`, path);
  }
}
