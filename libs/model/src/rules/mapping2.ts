import type { Issues } from '../issue.js';
import { isRecord } from '../json.js';

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
  checkMapping2(entry['mappings'], `${field}.mappings`, issues);
  const helpers = entry['buildArrayHelper'];
  if (Array.isArray(helpers)) {
    helpers.forEach((helper: unknown, i) => {
      if (isRecord(helper)) checkMapping2(helper['mappings'], `${field}.buildArrayHelper[${i}].mappings`, issues);
    });
  }
}
