import { Issues, type Issue } from './issue.js';
import { isRecord, type JsonRecord } from './json.js';
import { withoutNulls } from './prune.js';
import type { ResourceType } from './resource-type.js';
import type { CheckContext } from './rules/rule.js';
import { toIssues } from './zod-issues.js';

export type Parsed = { readonly document: JsonRecord } | { readonly issues: readonly Issue[] };

/**
 * Validates what a client sent and completes it: unknown and server-owned fields are stripped, nulls that mean "absent"
 * dropped, the adaptor type settled, stamped defaults written. All problems come back together.
 * Reference: resources §1.2, §1.3.
 */
export function parseResource(type: ResourceType, body: unknown, context: CheckContext): Parsed {
  if (!isRecord(body)) {
    return { issues: [{ code: 'invalid_request', message: 'The body must be a JSON object.' }] };
  }
  const issues = new Issues();
  const pruned = withoutNulls(type.input, body) as Record<string, unknown>;
  const prepared = type.prepare ? type.prepare(pruned, issues, context) : pruned;
  const result = type.input.safeParse(prepared, { reportInput: true });
  type.rules(prepared, issues, context);
  const settled = new Set(issues.list.map((issue) => issue.field));
  const found = result.success
    ? issues.list
    : [...issues.list, ...toIssues(result.error).filter((issue) => !settled.has(issue.field))];
  if (found.length > 0 || !result.success) return { issues: found.map(clarified) };
  return { document: type.stamp(result.data, context) as JsonRecord };
}

/** Texts that clients of the API know. */
function clarified(issue: Issue): Issue {
  if (issue.field?.startsWith('mockOutput') === true) {
    return { ...issue, field: 'mockOutput', message: 'mockOutput is invalid' };
  }
  if (issue.field?.endsWith('.status') === true && issue.code === 'enum' && /mappings\[/i.test(issue.field)) {
    return { ...issue, code: 'invalid_status_enums' };
  }
  return issue;
}
