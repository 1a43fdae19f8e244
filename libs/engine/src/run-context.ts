import type { Failure } from '#failures';
import type { JsonRecord, JsonValue } from '#model';

/** What is the same for every record of a run; the root context of templates. Reference: handlebars §3. */
export interface RunContext {
  readonly runId: string;
  readonly accountId: string;
  readonly flowId: string;
  /** `{_id, type, startedAt, input?}`, shown to templates as `job`. */
  readonly job: JsonRecord;
  readonly testMode: boolean;
  /** ISO 8601; the delta window of this run, before `delta.dateFormat`. */
  readonly lastExportDateTime: string | null;
  readonly currentExportDateTime: string;
  /** While a generator shapes a record that came from a file: what envelopes show of that file. Reference: runtime §7.1. */
  readonly fileMeta?: JsonRecord;
  /** epoch ms; the engine has no clock */
  readonly nowMs: () => number;
}

export type Mapped = { readonly value: JsonValue } | { readonly failure: Failure };
