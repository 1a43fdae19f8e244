import type { Issues } from '../issue.js';
import { isRecord } from '../json.js';
import { isCopied } from '../mapping.js';
import { isSet } from './rule.js';

/**
 * Mapper 2.0: every entry says whether it is active, and an active one has a data type; drafts, with all below them, are
 * stored but not validated. Reference: runtime §13.
 */
export function checkMapping2(mappings: unknown, field: string, issues: Issues): void {
  if (!Array.isArray(mappings)) return;
  mappings.forEach((entry: unknown, i) => {
    if (isRecord(entry)) checkEntry(entry, `${field}[${i}]`, issues);
  });
}

function checkEntry(entry: Record<string, unknown>, field: string, issues: Issues): void {
  const status = entry['status'];
  if (status === 'Draft') return;
  if (status === undefined) {
    issues.add('status_field_absent', 'A mapping must say its status: Active or Draft.', `${field}.status`);
  }
  if (entry['dataType'] === undefined) {
    issues.add('missing_required_field', `Expected field: ${field}.dataType to be present.`, `${field}.dataType`);
  }
  const type = entry['dataType'];
  const helpers = Array.isArray(entry['buildArrayHelper']) ? (entry['buildArrayHelper'] as unknown[]) : [];
  const copies = type === 'object' || (type === 'objectarray' && helpers.length === 0);
  checkCopySource(entry, copies, field, issues);
  checkMapping2(entry['mappings'], `${field}.mappings`, issues);
  helpers.forEach((helper, i) => {
    if (!isRecord(helper)) return;
    const helperField = `${field}.buildArrayHelper[${i}]`;
    checkCopySource(helper, type === 'objectarray', helperField, issues);
    checkMapping2(helper['mappings'], `${helperField}.mappings`, issues);
  });
}

/** Copied are an object, or the objects of an array, that an extract finds. */
function checkCopySource(part: Record<string, unknown>, isAllowed: boolean, field: string, issues: Issues): void {
  if (!isCopied(part)) return;
  if (!isAllowed) {
    const message = 'copySource belongs to an object and to each buildArrayHelper of an objectarray.';
    issues.add('invalid_field', message, `${field}.copySource`);
  } else if (!isSet(part, 'extract')) {
    issues.add('missing_required_field', 'copySource needs an extract that says what is copied.', `${field}.extract`);
  }
}
