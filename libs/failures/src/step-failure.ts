/** Stages in which a record, page or run fails. Reference: errors §3, decision 26. */
export const failureSources = [
  'application',
  'connection',
  'internal',
  'resource',
  'lookup',
  'transformation',
  'output_filter',
  'input_filter',
  'import_filter',
  'mapping',
  'response_mapping',
  'pre_parse_hook',
  'pre_save_page_hook',
  'pre_map_hook',
  'post_map_hook',
  'post_submit_hook',
  'post_aggregate_hook',
  'post_response_map_hook',
  'routing',
] as const;
export type FailureSource = (typeof failureSources)[number];

/** Reference: errors §5; an error without one is "unclassified". */
export const classifications = [
  'connection',
  'duplicate',
  'governance',
  'intermittent',
  'missing',
  'parse',
  'value',
  'too_large',
] as const;
export type Classification = (typeof classifications)[number];

/** Why something failed, as a value: it crosses threads and wires, so callers match on `code`. */
export interface Failure {
  /** Machine code: a registered code, the remote's HTTP status as text, or an application's own code. */
  readonly code: string;
  /** For people; never holds secrets; at most 4 KB. */
  readonly message: string;
  readonly source: FailureSource;
  /** Set by whoever knows better than the rules of the errors service. */
  readonly classification?: Classification;
  /** The HTTP exchange behind the failure, secrets removed, bodies cut at 8 KB. */
  readonly exchange?: HttpExchange;
}

/** Stored request and answer of a failed call. Reference: errors §14. */
export interface HttpExchange {
  readonly method: string;
  readonly url: string;
  readonly requestHeaders: Readonly<Record<string, string>>;
  readonly requestBody?: string;
  /** Absent when no answer came. */
  readonly status?: number;
  readonly responseHeaders?: Readonly<Record<string, string>>;
  readonly responseBody?: string;
  readonly durationMs: number;
}

/** The unexpected, with a registered code; the expected is a return value. */
export class PlatformError extends Error {
  override readonly name = 'PlatformError';

  constructor(
    readonly code: string,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}
