import type { GenerateHeader, GeneratorTotals, PageHeader } from '#contracts';
import type { TokenAnswer, TokenRequest } from '#connectors/tokens/token-exchange';
import type { CompileFailure, RouterCounts } from '#engine';
import type { JsonRecord } from '#model';
import type { ScriptIncident, ScriptLogLine } from '#sandbox';

/**
 * What crosses between an executor's main thread and its workers. Records cross as bytes (transferred) or JSON text, never
 * as object graphs: structured cloning costs more than JSON both ways (measured).
 */

/** A run, as far as steps may see it. */
export interface RunSpec {
  readonly runId: string;
  readonly accountId: string;
  readonly flowId: string;
  readonly planId: string;
  /** `{_id, type, startedAt, input?}`, shown to templates as `job` */
  readonly job: JsonRecord;
  readonly testMode: boolean;
  /** Delta checkpoint per export, ISO 8601. Reference: runtime §3.1. */
  readonly lastExportDateTime: Readonly<Record<string, string | null>>;
  readonly currentExportDateTime: string;
}

/** Sent when a worker says that it does not know the run or the plan (yet, or any more); the run also with its first slice. */
export interface Introduction {
  readonly run: RunSpec;
  /** JSON of the plan; runs of a flow share one, so most workers know it */
  readonly plan?: string;
}

interface Task {
  readonly runId: string;
  readonly planId: string;
  readonly introduction?: Introduction;
  readonly traceparent?: string;
}

export interface SliceTask extends Task {
  readonly header: GenerateHeader;
  /** body of the slice message; absent: the beginning of the source */
  readonly body?: Uint8Array;
  readonly budget: SliceBudget;
  /** The pages may run at once, if they are all there is of the run and can be read again. */
  readonly mayRun?: boolean;
}

export interface SliceBudget {
  /** page bundles that the run's window has room for */
  readonly maxBundles: number;
  /** bytes of pages, as JSON */
  readonly maxBytes: number;
  /** milliseconds from the source's first answer after which a slice ends */
  readonly maxMs: number;
}

export interface BundleTask extends Task {
  readonly messageId: string;
  readonly header: PageHeader;
  /** absent: the worker should hold the parsed pages */
  readonly body?: Uint8Array;
}

/** The bundle was delivered too often: its records become errors with retry data (P1). */
export interface AbandonTask extends BundleTask {
  readonly body: Uint8Array;
  readonly reason: { readonly code: string; readonly message: string };
}

/** Something that somebody waits for; see `#contracts` try-out. */
export interface TryOutTask {
  readonly id: string;
  /** the request as it came over the bus */
  readonly payload: Uint8Array;
  readonly traceparent?: string;
  /** host calls of scripts that wait for it; absent: none */
  readonly depth?: number;
}

/** For whom functions of a script run; what a script says itself has no part in it. */
export interface HostCallScope {
  readonly accountId: string;
  /** of the flow; null for a flow of no integration */
  readonly integrationId: string | null;
  /** host calls that wait for the function that calls */
  readonly depth: number;
  readonly traceparent?: string;
}

/** JSON, absent when the call gives nothing; or why it failed. */
export type HostCallAnswer = { readonly json?: string } | { readonly code: string; readonly message: string };

/** What a worker lacks to do a task; the main thread sends it and asks again. */
export interface Missing {
  readonly kind: 'missing';
  readonly what: 'introduction' | 'body';
}

export interface CompileFailed {
  readonly kind: 'compile_failed';
  readonly failures: readonly CompileFailure[];
}

/** The message is not what it should be; it can never be processed. */
export interface Poison {
  readonly kind: 'poison';
  readonly reason: string;
}

/** Outbound calls of a task by system and status class, for metrics. */
export interface CallStats {
  readonly system: string;
  /** `2xx` … `5xx`, or `error` when no answer came */
  readonly statusClass: string;
  readonly durationsMs: readonly number[];
}

/** Error events as JSON text, so that the main thread only concatenates them. */
export interface EncodedErrors {
  /** each a JSON object in the form of `errorEvent` */
  readonly events: readonly string[];
  /** Retry records too large to travel in events, by blob key; stored before their events are produced. */
  readonly blobs: readonly { readonly key: string; readonly json: string }[];
}

/** A message for `work.page`, ready to publish. */
export interface EncodedBundle {
  readonly id: string;
  readonly header: PageHeader;
  readonly body: Uint8Array;
  /** bytes before compression */
  readonly plainBytes: number;
  /** whether this worker keeps the parsed pages */
  readonly isResident: boolean;
}

export interface SliceResult {
  readonly kind: 'slice';
  readonly bundles: readonly EncodedBundle[];
  /** The only bundle of the run, in place of `bundles`: it was run already. */
  readonly ran?: RanBundle;
  readonly nextPage: number;
  readonly totals: GeneratorTotals;
  /** body of the next slice's message; null when the chain ends here */
  readonly successor: Uint8Array | null;
  readonly end: 'complete' | 'failed' | 'canceled' | null;
  readonly errors: EncodedErrors;
  readonly calls: readonly CallStats[];
}

/** A bundle that ran in the breath in which it was read; nobody stored it. */
export interface RanBundle {
  readonly id: string;
  readonly header: PageHeader;
  readonly result: BundleResult;
  /** when it was read and began to run, epoch ms */
  readonly startedAtMs: number;
}

export interface StepTotals {
  readonly stepId: string;
  readonly success: number;
  readonly error: number;
  readonly ignore: number;
  readonly pages: number;
}

export interface BundleResult {
  readonly kind: 'bundle';
  /** pages of the bundle that were finished at their position; fewer than it holds only after a cancel */
  readonly pages: number;
  /** page continuations in `continuations` */
  readonly forked: number;
  readonly steps: readonly StepTotals[];
  readonly routers: readonly RouterCounts[];
  readonly continuations: readonly EncodedBundle[];
  /** Whether pages at this position can go on at all; then another try might let others go on than these. */
  readonly mayGoOn: boolean;
  readonly errors: EncodedErrors;
  readonly calls: readonly CallStats[];
}

/** Tells the imports of a run of the files that they wrote. */
export interface AggregateTask extends Task {
  readonly header: GenerateHeader;
}

export interface AggregateResult {
  readonly kind: 'aggregated';
  readonly steps: readonly StepTotals[];
  readonly errors: EncodedErrors;
}

export type AggregateReply = AggregateResult | Missing | CompileFailed | Poison;
export type SliceReply = SliceResult | Missing | CompileFailed | Poison;
export type BundleReply = BundleResult | Missing | CompileFailed | Poison;

/** Main thread → worker. */
export type Control =
  /** No new request of this run is sent (decision 6). */
  | { readonly kind: 'cancel'; readonly runId: string }
  /** Nobody waits for the try-out any more. */
  | { readonly kind: 'cancel-try-out'; readonly id: string }
  /** The run is over here: its sources close, its context goes. */
  | { readonly kind: 'close-generator'; readonly runId: string; readonly ordinal: number }
  /** Parsed pages that nobody will ask for. */
  | { readonly kind: 'forget'; readonly messageIds: readonly string[] }
  /** Permits of a connection that this worker may use. Settles when it uses no more than these. */
  | { readonly kind: 'capacity'; readonly limitKey: string; readonly permits: number }
  /** No request on the connection before the instant, epoch ms. `isReduced`: successes are to be reported. */
  | { readonly kind: 'pace'; readonly limitKey: string; readonly pausedUntilMs: number; readonly isReduced: boolean }
  | { readonly kind: 'token-answer'; readonly requestId: number; readonly answer: TokenAnswer }
  | { readonly kind: 'lock-granted'; readonly requestId: number }
  | { readonly kind: 'host-answer'; readonly requestId: number; readonly answer: HostCallAnswer };

/** Worker → main thread. */
export type Notice =
  | {
      readonly kind: 'demand';
      readonly limitKey: string;
      /** most requests that may be in flight on the connection, cluster-wide */
      readonly limit: number;
      readonly recoversGradually: boolean;
      /** permits in use and waited for */
      readonly want: number;
    }
  | { readonly kind: 'throttled'; readonly limitKey: string; readonly pauseMs: number }
  | { readonly kind: 'succeeded'; readonly limitKey: string }
  /** The first slice of the run was read some time ago; its pages are still running. */
  | { readonly kind: 'slice-read'; readonly runId: string }
  /** What a user's script wrote in one call. */
  | {
      readonly kind: 'script-log';
      readonly accountId: string;
      readonly runId: string;
      readonly flowId: string;
      readonly lines: readonly ScriptLogLine[];
    }
  /** A user's script brought its isolate or process down, or is quarantined for that. */
  | {
      readonly kind: 'script-incident';
      readonly accountId: string;
      readonly runId: string;
      readonly flowId: string;
      readonly incident: ScriptIncident;
    }
  | { readonly kind: 'token-request'; readonly requestId: number; readonly request: TokenRequest }
  /** A script calls a function of the platform and waits. `values`: JSON of the arguments. */
  | {
      readonly kind: 'host-call';
      readonly requestId: number;
      readonly scope: HostCallScope;
      readonly name: string;
      readonly values: string;
    }
  /** It waits no more. */
  | { readonly kind: 'host-call-over'; readonly requestId: number }
  /** Wants all of these keys of a step to itself. */
  | {
      readonly kind: 'lock-request';
      readonly requestId: number;
      readonly stepId: string;
      readonly keys: readonly string[];
    }
  /** Gives back what was granted, or wants it no more. */
  | { readonly kind: 'lock-release'; readonly requestId: number; readonly stepId: string };

/** What a worker does. Implemented by `WorkerRuntime`; reached through threads or directly. */
export interface WorkerApi {
  readSlice(task: SliceTask): Promise<SliceReply>;
  runBundle(task: BundleTask): Promise<BundleReply>;
  abandonBundle(task: AbandonTask): Promise<BundleReply>;
  aggregate(task: AggregateTask): Promise<AggregateReply>;
  /** @returns the reply as it goes over the bus */
  tryOut(task: TryOutTask): Promise<Uint8Array>;
  /** Whether a function of a stack is waited for, by the call that its one-time token names. */
  isStackCallOpen(callId: string): Promise<boolean>;
  control(message: Control): Promise<void>;
}

/** Workers by index. A worker that dies is replaced under its index and knows nothing then. */
export interface WorkerPool {
  readonly size: number;
  worker(index: number): WorkerApi;
  onNotice(listener: (worker: number, notice: Notice) => void): void;
  /** Called when a worker died: what it held is gone. */
  onLost(listener: (worker: number) => void): void;
  /** Ends the workers without waiting for their tasks. */
  close(): Promise<void>;
}
