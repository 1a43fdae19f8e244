import type { GeneratorResult, PagesResult, RunFinished } from '#contracts';
import type { FlowPlan } from '#engine';
import type { JobRouter, JsonRecord, JsonValue } from '#model';

/**
 * The store: accounts, resources, runs, errors. Every method that touches account-owned rows takes the account id and
 * sees nothing of other accounts. Methods marked "coalesces" may be called thousands of times per second: calls that
 * arrive while a statement is in flight share the next one.
 */

/** Resource types that are kept as documents. */
export type DocumentType =
  'integrations' | 'connections' | 'exports' | 'imports' | 'flows' | 'scripts' | 'stacks' | 'accesstokens';

/** A resource as stored: the document, with `_id`, `createdAt`, `lastModified` inside, secrets sealed. */
export type StoredDocument = JsonRecord & { readonly _id: string };

export interface DocumentQuery {
  /** Equality on top-level fields, e.g. `{ _integrationId: '…', adaptorType: 'HTTPExport' }`. */
  readonly where?: Readonly<Record<string, string | boolean | null>>;
  readonly skip: number;
  readonly limit: number;
}

export interface Documents {
  insert(accountId: string, type: DocumentType, document: StoredDocument): Promise<void>;
  get(accountId: string, type: DocumentType, id: string): Promise<StoredDocument | null>;
  getMany(accountId: string, type: DocumentType, ids: readonly string[]): Promise<readonly StoredDocument[]>;
  /**
   * Replaces the document by what `change` makes of the current one, under a row lock.
   * @returns the new document, or null when there is none
   */
  update(
    accountId: string,
    type: DocumentType,
    id: string,
    change: (current: StoredDocument) => StoredDocument,
  ): Promise<StoredDocument | null>;
  /** Soft delete (recycle bin, 30 days). False when there is none. */
  remove(accountId: string, type: DocumentType, id: string): Promise<boolean>;
  /** In order of creation; asks for one row more than `limit` to know whether more exist. */
  list(
    accountId: string,
    type: DocumentType,
    query: DocumentQuery,
  ): Promise<{ readonly rows: readonly StoredDocument[]; readonly more: boolean }>;
  /** Enabled flows of all accounts that have a schedule (flow or generator level), for the scheduler. */
  scheduledFlows(): Promise<readonly { readonly accountId: string; readonly flow: StoredDocument }[]>;
  /** Grows with every write of a scheduled or schedulable flow; lets the scheduler poll cheaply. */
  flowsVersion(): Promise<string>;
}

export interface AccountRow {
  readonly _id: string;
  readonly name: string;
  readonly ownerUserId: string;
}

export interface TokenRow {
  readonly _id: string;
  readonly accountId: string;
  readonly userId: string;
  readonly revoked: boolean;
  /** ISO 8601 or null */
  readonly expiresAt: string | null;
  readonly fullAccess: boolean;
  /** ids per scope array: `_connectionIds`, `_exportIds`, `_importIds`, `_apiIds`, `_mcpServerIds` */
  readonly scopes: Readonly<Record<string, readonly string[]>>;
}

export interface Accounts {
  /** First start: makes the account, its owner and a full token with this hash; later calls change nothing. */
  ensure(name: string, tokenSha256: string): Promise<{ readonly account: AccountRow; readonly created: boolean }>;
  /** True when no account exists yet. */
  isEmpty(): Promise<boolean>;
  get(id: string): Promise<AccountRow | null>;
  /** `Integrator-AShareId` values a user may send, with the account each selects (own account included). */
  sharesOf(userId: string): Promise<readonly { readonly ashareId: string; readonly accountId: string }[]>;
  tokenByHash(sha256: string): Promise<TokenRow | null>;
  /** The token of an `accesstokens` document. */
  putToken(token: TokenRow, sha256: string): Promise<void>;
  updateToken(
    accountId: string,
    tokenId: string,
    change: Partial<Pick<TokenRow, 'revoked' | 'expiresAt' | 'fullAccess' | 'scopes'>>,
  ): Promise<void>;
  removeToken(accountId: string, tokenId: string): Promise<void>;
}

export type JobStatus = 'queued' | 'running' | 'retrying' | 'canceling' | 'completed' | 'failed' | 'canceled';

/** Reference: resources §13. */
export interface JobRow {
  readonly _id: string;
  readonly accountId: string;
  readonly type: 'flow' | 'retry' | 'export' | 'import' | 'bulk';
  readonly _integrationId: string | null;
  readonly _flowId: string;
  readonly _exportId: string | null;
  readonly _importId: string | null;
  readonly _flowJobId: string | null;
  readonly oIndex: number | null;
  readonly status: JobStatus;
  /** ISO 8601 with milliseconds, as every time here */
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly lastModified: string;
  readonly purgeAt: string;
  readonly numError: number;
  readonly numResolved: number;
  readonly numOpenError: number;
  readonly numSuccess: number;
  readonly numIgnore: number;
  readonly numExport: number;
  readonly numPagesGenerated: number;
  readonly numPagesProcessed: number;
  readonly doneExporting: boolean;
  /** `schedule`, `manual`, `chain` */
  readonly triggeredBy: string;
  readonly _userId: string | null;
  readonly canceledBy: string | null;
  readonly canceledAt: string | null;
  /** why it waits: `one_run_at_a_time`, `rate_limited`, … (wish 12) */
  readonly waitingFor: string | null;
  /** why it failed, when the run itself failed: code and message, e.g. `pages_lost` */
  readonly failure: { readonly code: string; readonly message: string } | null;
  readonly traceId: string | null;
  /** counts of the flow's routers; null for steps, and for flows without any */
  readonly routers: readonly JobRouter[] | null;
  /** What the start asked for: `{export:{startDate,endDate}, _exportIds, input}` and the W3C `traceparent`. */
  readonly request: JsonRecord;
}

export interface EnqueueRun {
  readonly jobId: string;
  readonly accountId: string;
  readonly flowId: string;
  readonly integrationId: string | null;
  readonly triggeredBy: 'schedule' | 'manual' | 'chain';
  readonly userId: string | null;
  readonly traceId: string | null;
  readonly request: JsonRecord;
  /** Runs of this flow that may be active at once. Default 1. */
  readonly maxConcurrentRuns?: number;
}

/** Child job to create when a run starts: one per step, in order. */
export interface ChildJob {
  readonly jobId: string;
  readonly type: 'export' | 'import';
  readonly stepId: string;
  readonly oIndex: number;
}

export interface JobQuery {
  readonly type?: readonly string[];
  readonly status?: readonly string[];
  readonly _integrationId?: string;
  readonly _flowId?: readonly string[];
  readonly _exportId?: string;
  readonly _importId?: string;
  readonly _flowJobId?: string;
  /** `createdAt_gte` etc. as ISO 8601 */
  readonly createdAt?: { readonly gte?: string; readonly lte?: string; readonly gt?: string };
  readonly startedAt?: { readonly gte?: string; readonly lte?: string };
  readonly counts?: readonly {
    readonly field: 'numSuccess' | 'numExport' | 'numIgnore' | 'numError';
    readonly op: 'gte' | 'lte';
    readonly value: number;
  }[];
  readonly limit: number;
}

/** What `start` found. */
export type StartOutcome = 'started' | 'busy' | 'gone';

export interface ActiveRun {
  readonly jobId: string;
  readonly accountId: string;
  readonly flowId: string;
  readonly status: JobStatus;
  readonly startedAt: string | null;
  readonly planId: string | null;
}

export interface Jobs {
  /**
   * Stores a flow job as `queued`: one may wait while `maxConcurrentRuns` are active (decision 5). Coalesces.
   * @returns false when one is waiting already; nothing is stored then
   */
  enqueue(run: EnqueueRun): Promise<boolean>;
  /**
   * queued → running with its children and its plan, unless the flow has `maxConcurrentRuns` active runs. Coalesces.
   * `routers` are those of the flow, uncounted.
   * Exactly one caller gets `started`. A run that was `started` by someone who died before publishing its work is found
   * by {@link Jobs.activeRuns}; its work is published again under the same ids.
   */
  start(
    jobId: string,
    planId: string,
    children: readonly ChildJob[],
    routers?: readonly JobRouter[],
    options?: {
      /** Its end has no consequences: it will not be among {@link Jobs.unfollowed}. */
      readonly nothingFollows?: boolean;
      /** when it starts; now, when absent */
      readonly at?: Date;
    },
  ): Promise<StartOutcome>;
  /** The run could not be started (plan invalid, flow gone): final `failed` with the reason. */
  refuse(jobId: string, failure: { readonly code: string; readonly message: string }): Promise<void>;
  /** queued → canceled at once; running → canceling. Null when there is no such job; final jobs stay as they are. */
  cancel(accountId: string, jobId: string, by: string): Promise<JobRow | null>;
  /** Coalesces. */
  get(accountId: string, jobId: string): Promise<JobRow | null>;
  /** The job, then its children in order; empty when the account has no such job. Coalesces. */
  family(accountId: string, jobId: string): Promise<readonly JobRow[]>;
  /** For services that act for all accounts. Coalesces. */
  getAny(jobId: string): Promise<JobRow | null>;
  /** `planId` and children of a started run. Coalesces. */
  planOf(jobId: string): Promise<{ readonly planId: string; readonly children: readonly ChildJob[] } | null>;
  children(accountId: string, flowJobIds: readonly string[]): Promise<readonly JobRow[]>;
  /** newest first */
  list(accountId: string, query: JobQuery): Promise<readonly JobRow[]>;
  /** Runs that are running, retrying or canceling, oldest first: for the completion sweep and metrics. */
  activeRuns(limit: number): Promise<readonly ActiveRun[]>;
  /**
   * Queued runs whose flow has room, oldest first: for the sweep that makes up for lost announcements.
   *
   * @param which `heldBack`: only those that had to wait for another run; default all
   */
  startable(limit: number, which?: 'all' | 'heldBack'): Promise<readonly ActiveRun[]>;
  /** Final runs whose consequences (chains, delta checkpoint) are not yet drawn. */
  unfollowed(limit: number): Promise<readonly JobRow[]>;
  /** Marks the consequences as drawn; true for exactly one caller. Coalesces. */
  markFollowed(jobId: string): Promise<boolean>;
  /** Numbers of runs by status, for metrics. */
  countByStatus(): Promise<Readonly<Record<string, number>>>;
}

export interface Plans {
  /** Content-addressed; storing the same id again changes nothing. */
  put(planId: string, accountId: string, plan: FlowPlan): Promise<void>;
  get(planId: string): Promise<FlowPlan | null>;
}

export interface Firings {
  /**
   * Records that a schedule fired and stores its job, in one transaction. `key` is `<flowId>[/<exportId>]@<instant>`.
   * @returns `fired` for exactly one caller; `skipped` when the flow had an active or queued run (decision 5);
   *   `duplicate` when this firing was recorded before
   */
  fire(key: string, instant: string, run: EnqueueRun): Promise<'fired' | 'skipped' | 'duplicate'>;
  /** Latest firing recorded for a flow or generator, ISO 8601. */
  last(flowId: string, exportId: string | null): Promise<string | null>;
}

export interface Checkpoints {
  /** Delta checkpoint: start time of the last successful export (runtime §3.1). */
  get(flowId: string, exportId: string): Promise<string | null>;
  latest(flowId: string): Promise<string | null>;
  /** Never goes backwards. */
  advance(accountId: string, flowId: string, exportId: string, to: string): Promise<void>;
}

export interface FinalizedRun {
  readonly runId: string;
  readonly accountId: string;
  readonly flowId: string;
  readonly status: 'completed' | 'failed' | 'canceled';
}

export interface LedgerBatch {
  readonly topic: string;
  readonly group: string;
  readonly partition: number;
  /** offset of the first event of this batch; must equal the stored position, unless that is null */
  readonly firstOffset: bigint;
  readonly nextOffset: bigint;
  readonly pages: readonly PagesResult[];
  readonly generators: readonly GeneratorResult[];
  readonly finished: readonly RunFinished[];
  readonly errors: readonly ReportedError[];
}

export interface ReportedError extends StepErrorRow {
  /** the pages result that reports it: it is stored if that counts; absent: it is stored whatever counts */
  readonly resultId?: string;
}

/** A stored error. Reference: errors §2. */
export interface StepErrorRow {
  readonly errorId: string;
  readonly accountId: string;
  readonly flowId: string;
  readonly stepId: string;
  readonly flowJobId: string;
  readonly occurredAt: string;
  readonly source: string;
  readonly code: string;
  readonly message: string;
  readonly classification: string | null;
  readonly classifiedBy: string | null;
  readonly traceKey: string;
  readonly exportDataURI: string | null;
  readonly importDataURI: string | null;
  readonly oIndex: string;
  readonly retryDataKey: string | null;
  readonly retriable: boolean;
  readonly reqAndResKey: string | null;
  readonly traceId: string | null;
  readonly warning: boolean;
  readonly purgeAt: string;
  /** what `retryDataKey` names: `{data, stage, traceKey, dataURI?, files?}` or `{blob}` */
  readonly retryData: JsonRecord | null;
  /** what `reqAndResKey` names */
  readonly exchange: JsonRecord | null;
}

export interface Ledger {
  /** Stored position of a consumer; null before the first batch. */
  position(topic: string, group: string, partition: number): Promise<bigint | null>;
  /**
   * Applies a batch, all or nothing, in one transaction with the consumer's position (P3):
   * page results are inserted once per `(run, resultId)` and only those really inserted add to the child jobs' counts;
   * generator totals replace older ones; errors are inserted once per id, those of page results with their result; finished runs are audited
   * (pages generated + forked = pages finished, else `pages_lost`) and become final.
   *
   * @returns runs that became final and runs whose rows changed
   * @throws PositionConflict when `firstOffset` is not the stored position: another member owns the partition now
   */
  apply(
    batch: LedgerBatch,
  ): Promise<{ readonly finalized: readonly FinalizedRun[]; readonly changed: readonly string[] }>;
}

/** The batch does not begin where the stored position says; nothing was written. */
export class PositionConflict extends Error {
  override readonly name = 'PositionConflict';
}

export interface StepErrorQuery {
  readonly occurredAt?: { readonly gte?: string; readonly lte?: string };
  readonly source?: string;
  readonly classification?: string;
  readonly flowJobId?: string;
  readonly limit: number;
  /** `occurredAt,errorId` of the last row of the page before */
  readonly after?: { readonly occurredAt: string; readonly errorId: string };
}

export interface StepErrors {
  /** open errors, newest first */
  listOpen(
    accountId: string,
    flowId: string,
    stepId: string,
    query: StepErrorQuery,
  ): Promise<{ readonly rows: readonly StepErrorRow[]; readonly more: boolean }>;
  /** open errors per step. Reference: errors §6 `GET /flows/{f}/errors` */
  summary(
    accountId: string,
    flowId: string,
  ): Promise<readonly { readonly stepId: string; readonly numError: number; readonly lastErrorAt: string }[]>;
  retryData(accountId: string, flowId: string, stepId: string, retryDataKey: string): Promise<JsonRecord | null>;
  exchange(accountId: string, flowId: string, stepId: string, reqAndResKey: string): Promise<JsonRecord | null>;
}

/** A line that a user's script wrote. Reference: resources §9. */
export interface ScriptLogRow {
  /** unique; grows with time within one process */
  readonly id: string;
  readonly accountId: string;
  readonly scriptId: string;
  readonly flowId: string;
  readonly flowJobId: string;
  /** ISO 8601 */
  readonly time: string;
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  /** the hook, or the filter, transform …, that called the function */
  readonly functionType: string;
  /** id of the export, import or router */
  readonly resourceId: string;
  readonly message: string;
  readonly purgeAt: string;
}

export interface ScriptLogQuery {
  readonly levels?: readonly ScriptLogRow['level'][];
  /** bounds of `time`, ISO 8601 */
  readonly gt?: string;
  readonly gte?: string;
  readonly lte?: string;
  readonly flowId?: string;
  readonly limit: number;
  readonly offset: number;
}

export interface ScriptLogs {
  append(rows: readonly ScriptLogRow[]): Promise<void>;
  /** newest first */
  list(
    accountId: string,
    scriptId: string,
    query: ScriptLogQuery,
  ): Promise<{ readonly rows: readonly ScriptLogRow[]; readonly more: boolean }>;
  clear(accountId: string, scriptId: string): Promise<void>;
}

/** JSON by key, of an account: what scripts keep between runs. Reference: resources §19. */
export interface State {
  /** @returns undefined when there is no such key */
  get(accountId: string, key: string): Promise<JsonValue | undefined>;
  /** @returns `full` when the key would be one too many; two that come at once may both pass */
  put(accountId: string, key: string, value: JsonValue, maxKeys: number): Promise<'created' | 'replaced' | 'full'>;
  /** @returns whether there was such a key */
  delete(accountId: string, key: string): Promise<boolean>;
  /** in the order of JavaScript's texts */
  keys(accountId: string): Promise<readonly string[]>;
  clear(accountId: string): Promise<void>;
}

/** A test run of a flow: what each of its steps did, stage by stage. */
export interface TestRunRow {
  readonly accountId: string;
  readonly flowId: string;
  readonly runId: string;
  /** ISO 8601 */
  readonly purgeAt: string;
  readonly steps: readonly { readonly stepId: string; readonly stages: unknown }[];
}

/** Results of test runs, for a while. Reference: resources §3.1. */
export interface TestRuns {
  /** @param maxRuns how many of the account's runs are kept: the newest */
  keep(run: TestRunRow, maxRuns: number): Promise<void>;
  /** @returns null when there is no such step of such a run of the flow */
  stages(accountId: string, flowId: string, runId: string, stepId: string): Promise<JsonValue | null>;
}

/** What keeps the tables small. Safe to run in several processes and to stop at any time. */
export interface Maintenance {
  /**
   * Deletes the ledger rows of runs that ended before a time; their counts stay. Results of these runs that arrive later
   * still are ignored, so the time must lie further back than any redelivery: a day is plenty.
   *
   * @param limit runs per call; call again while it returns this many
   * @returns runs pruned
   */
  prune(endedBefore: Date, limit: number): Promise<number>;
  /**
   * Deletes what is past its `purgeAt`: errors, retry data, exchanges, script logs, test runs, jobs; and documents that have been in the recycle
   * bin for 30 days. Reference: errors §12.
   *
   * @param limit rows of each kind per call
   * @returns rows deleted
   */
  purge(now: Date, limit: number): Promise<number>;
}

export interface Store {
  readonly accounts: Accounts;
  readonly documents: Documents;
  readonly jobs: Jobs;
  readonly plans: Plans;
  readonly firings: Firings;
  readonly checkpoints: Checkpoints;
  readonly ledger: Ledger;
  readonly errors: StepErrors;
  readonly scriptLogs: ScriptLogs;
  readonly state: State;
  readonly testRuns: TestRuns;
  readonly maintenance: Maintenance;
  isReady(): Promise<boolean>;
  close(): Promise<void>;
}
