/** Codes of problems with documents. Whoever answers with them registers each with its help. Reference: resources §1.3. */
export const issueCodes = [
  'missing_required_field',
  'invalid_field',
  'invalid_field_value',
  'invalid_value',
  'invalid_request',
  'invalid_ref',
  'enum',
  'min',
  'max',
  'unsupported_type',
  'unsupported_export_type',
  'invalid_connection_type',
  'invalid_hook',
  'invalid_flow',
  'not_supported',
  'schedule_not_supported',
  'flowgrouping_not_belong',
  'cannot_set_traceKeyTemplate',
  'status_field_absent',
  'invalid_status_enums',
] as const;
export type IssueCode = (typeof issueCodes)[number];

export function isIssueCode(code: unknown): code is IssueCode {
  return (issueCodes as readonly unknown[]).includes(code);
}

/** One problem of a document, in the API's words. */
export interface Issue {
  /** Stable identifier. */
  readonly code: IssueCode;
  readonly message: string;
  /** Offending path, e.g. `http.paging.method` or `pageProcessors[0]._importId`. */
  readonly field?: string;
  /** 400 for a malformed id; everything else is a validation failure, 422. */
  readonly status?: 400;
}

/** `['pageProcessors', 0, '_importId']` → `pageProcessors[0]._importId`. */
export function fieldOf(path: readonly PropertyKey[]): string {
  let field = '';
  for (const segment of path) {
    if (typeof segment === 'number') field += `[${segment}]`;
    else field += field === '' ? String(segment) : `.${String(segment)}`;
  }
  return field;
}

/** Problems collected while a document is checked. */
export class Issues {
  readonly list: Issue[] = [];

  add(code: IssueCode, message: string, field?: string): void {
    this.list.push({ code, message, ...(field === undefined ? {} : { field }) });
  }
}
