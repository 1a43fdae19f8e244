import type {
  FileText,
  ImportOutcome,
  LookupAnswer,
  LookupOutcome,
  LookupQuestion,
  PageIdentity,
  PreparedRecord,
  RunContext,
} from '#engine';
import type { Failure, HttpExchange } from '#failures';
import type { Connection, Export, Import, JsonRecord, JsonValue, StoredStack } from '#model';

/**
 * An adaptor is a folder here behind two ports: a source (exports as page generators and lookups) and a destination
 * (imports). They run inside an executor's worker threads and do their own I/O. Failures of the remote are values;
 * only a bug throws.
 */

/** Position in a source, made durable in the generator's message. JSON, at most 64 KB, opaque to everyone else. */
export type Cursor = JsonRecord;

/** What one response of a source held. */
export interface SourceChunk {
  /** In the source's order, before transform and filter. */
  readonly records: readonly JsonValue[];
  /** Envelope of file sources, one per record or one for all. Reference: runtime §7.1. */
  readonly fileMeta?: JsonRecord;
  /** True for the first chunk of another file: no group of records goes on into it. Reference: runtime §7.2. */
  readonly breaksGroup?: true;
  /** Where to resume once these records are safe; null at the end of the source. */
  readonly next: Cursor | null;
  /** Size of what was read, in bytes; slices and pages are bounded by it. */
  readonly bytes: number;
  /** The JSON text of `records`, all of them and nothing else, in UTF-8, where the source has it at hand. */
  readonly text?: Uint8Array;
  /** Records that could not be read (too large, unparsable row); the source went on without them. */
  readonly failures: readonly Failure[];
}

/** A source that ended before its end: status errors, refused connections, half a JSON (decisions 11-16). */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  constructor(readonly failure: Failure) {
    super(failure.message);
  }
}

export interface Source {
  /**
   * Reading takes nothing away and changes nothing at the remote: what was read can be read again, as long as the remote
   * has it. Absent: not known, so what was read is made durable before anything is done with it.
   */
  readonly isRepeatable?: boolean;
  /**
   * Reads from the cursor on (null: from the beginning), one chunk per response, holding at most one response.
   * A source that cannot resume re-reads and skips what the cursor says was handed over.
   * Closing the iterator (`return`) releases everything.
   *
   * @throws SourceError as the last thing, after the chunks that could be read
   */
  read(cursor: Cursor | null, context: StepContext): AsyncIterable<SourceChunk>;
}

export interface LookupSource {
  /** One outcome per record, in order. A record's pages are merged into one response of at most 5 MB (runtime §2). */
  lookup(records: readonly PreparedRecord[], context: StepContext): Promise<readonly LookupOutcome[]>;
}

export interface Destination {
  /**
   * Submits mapped records, batched as configured; one outcome per record, in order. Requests carry a stable idempotency
   * key derived from run, step, page and record indices (P2, decision 19).
   */
  submit(
    page: PageIdentity,
    records: readonly PreparedRecord[],
    context: StepContext,
  ): Promise<readonly ImportOutcome[]>;
  /**
   * Builds what {@link submitBuilt} sends of records, so that nobody has to keep them until then. Null where more than the
   * bodies of their requests depends on them, or where that is not known. Absent where the adaptor always needs the records.
   */
  build?(records: readonly PreparedRecord[], connection: StepContext['connection']): Promise<BuiltRequests | null>;
  /** Sends what {@link build} built of records as {@link submit} would send them, with an outcome for each. */
  submitBuilt?(page: PageIdentity, requests: BuiltRequests, context: StepContext): Promise<readonly ImportOutcome[]>;
  /**
   * Asks the dynamic lookups of the import over its own connection, equal requests once; one answer per question, in
   * order. Absent where the adaptor has no dynamic lookups.
   */
  resolveLookups?(questions: readonly LookupQuestion[], context: StepContext): Promise<readonly LookupAnswer[]>;
  /**
   * Files that the run wrote with this step, all of them complete. Absent where the adaptor writes none.
   *
   * @throws Error when they cannot be looked at
   */
  writtenFiles?(context: StepContext): Promise<readonly WrittenFile[]>;
  /** What {@link submit} would send. Sends nothing, not even for a token, and leaves nothing behind. */
  preview(
    page: PageIdentity,
    records: readonly PreparedRecord[],
    context: StepContext,
  ): Promise<readonly PlannedRequest[]>;
}

/** Tells the application of an export that records were exported. Reference: runtime §3 (`once`). */
export interface FlagWriter {
  /** One request per record, under a stable idempotency key; one outcome per record, in order. Repeating one is harmless. */
  submit: Destination['submit'];
}

/** Requests of an import in the order of their records. */
export type BuiltRequests = readonly BuiltRequest[];

/** What of a request depends on its records: no secret of a connection. */
export interface BuiltRequest {
  /** `index` of its records */
  readonly indices: readonly number[];
  readonly body: string;
}

/** A request that a destination would send, secrets removed. */
export interface PlannedRequest {
  readonly system: OutboundCall['system'];
  /** HTTP method, or the name of the operation */
  readonly method: string;
  /** the URL, the database's host and port, or the path of the file */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** cut at 256 KB */
  readonly body?: string;
  /** `index` of its records */
  readonly indices: readonly number[];
  /** why it would not be sent */
  readonly failure?: Failure;
}

/** Bodies of planned requests are cut here, in bytes. */
export const maxPlannedBodyBytes = 256 * 1024;

/** A file that an import wrote over a whole run. */
export interface WrittenFile {
  readonly fileName: string;
  /** relative to the root of file connections */
  readonly directoryPath: string;
  /** bytes */
  readonly fileSize: number;
}

/** Permission to have one request in flight on a connection, cluster-wide (`concurrencyLevel`). */
export interface Permit {
  release(): void;
}

/**
 * Limits of connections over the whole cluster. Every outbound request holds a permit; 429 and `Retry-After` are told
 * to it and hold back the whole connection everywhere.
 */
export interface ConnectionLimits {
  /** Waits for a permit. Rejects with AbortError when the signal aborts (cancel). */
  acquire(connectionId: string, signal: AbortSignal): Promise<Permit>;
  /** The remote asked for a pause (429, 503 with `Retry-After`, rateLimit.failPath). */
  throttled(connectionId: string, pauseMs: number): void;
  /** The remote answered normally: additive increase after a decrease. */
  succeeded(connectionId: string): void;
}

export interface OAuthToken {
  readonly accessToken: string;
  readonly refreshToken?: string;
  /** ISO 8601; absent when unknown */
  readonly expiresAt?: string;
  /** Grows with every refresh; names the token a caller found stale. */
  readonly version: number;
}

/** Tokens of connections that need refreshing; one refresh at a time for the whole cluster. */
export interface TokenStore {
  /** Current token; `refresh` is called, under a cluster-wide lock, when there is none or when `staleVersion` is current. */
  current(
    connectionId: string,
    staleVersion: number | null,
    refresh: (previous: OAuthToken | null) => Promise<Omit<OAuthToken, 'version'>>,
  ): Promise<OAuthToken>;
}

/** Stacks of the account, their secrets open. Reference: resources §8. */
export interface Stacks {
  find(stackId: string): Promise<StoredStack | null>;
}

/** Everything a connector may use of its host. Given by the executor's worker, by the gateway for pings, by tests. */
export interface ConnectorHost {
  readonly limits: ConnectionLimits;
  readonly tokens: TokenStore;
  /** Opens sealed secrets of a connection document; never logged. */
  openSecrets(connection: Connection & { readonly _id: string }): Promise<Connection & { readonly _id: string }>;
  /** Networks that may be reached although private, CIDR notation (`MILLRACE_EGRESS_ALLOW`). */
  readonly egressAllow: readonly string[];
  /** Folder below which `filesystem` connections live; absent: refused. */
  readonly filesystemRoot?: string;
  /** Absent: there are none. */
  readonly stacks?: Stacks;
  /** Absent: functions of stacks get no token. */
  readonly oneTimeTokens?: OneTimeTokenIssuer;
  readonly clock: Clock;
  /** Uniform in [0, 1); for jitter. */
  readonly random: () => number;
  /** Told once per outbound call, for metrics and spans. */
  observe?(call: OutboundCall): void;
}

export interface OutboundCall {
  readonly connectionId: string;
  readonly stepId: string;
  readonly system: 'http' | 'postgresql' | 'filesystem' | 'stack';
  readonly method: string;
  /** Host and port only; never a path with data in it. */
  readonly target: string;
  readonly status: number | null;
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly error?: string;
  /** The exchange itself, secrets removed; made only when asked for, and only while the call is being observed. */
  readonly exchange?: () => HttpExchange;
}

export interface Clock {
  now(): number;
  /** Resolves after `ms`; rejects with AbortError when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Makes the tokens with which functions of stacks may call the API while they run. Reference: resources §1.1. */
export interface OneTimeTokenIssuer {
  /** @param integrationId whose exports and imports may be invoked; null: none */
  issue(integrationId: string | null): OneTimeToken;
}

export interface OneTimeToken {
  readonly text: string;
  /** The function returned: the token is good for nothing any more. */
  end(): void;
}

/** Context of one step within a run. */
export interface StepContext {
  readonly stepId: string;
  readonly connection: Connection & { readonly _id: string };
  /** Of the flow; absent: it belongs to none. */
  readonly integrationId?: string;
  readonly run: RunContext;
  /** By scope, as templates see them. Reference: handlebars §3.2. */
  readonly settings: Readonly<Record<string, JsonRecord>>;
  /** Aborted by cancel and by drain past its deadline. */
  readonly signal: AbortSignal;
  /** W3C trace context to send along, if any. */
  readonly traceparent?: string;
  /**
   * User's function over the text of a file, which a source of files calls with each file before it parses it. Rejects with
   * AbortError on a cancel. Reference: runtime §16 (preParse).
   */
  readonly preParse?: (file: FileText) => Promise<FileText | { readonly failure: Failure }>;
}

export interface PingResult {
  /** 200, or the status that says why not. Reference: resources §6.1. */
  readonly code: number;
  readonly errors?: readonly { readonly code: string; readonly message: string }[];
}

/** One adaptor. Steps are compiled once per plan (templates, paths) and used for every page. */
export interface Adaptor {
  createSource(step: Export & { readonly _id: string }, host: ConnectorHost): Source;
  createLookup(step: Export & { readonly _id: string }, host: ConnectorHost): LookupSource;
  createDestination(step: Import & { readonly _id: string }, host: ConnectorHost): Destination;
  /** For exports of type `once`; absent where the adaptor has none. */
  createFlagWriter?(step: Export & { readonly _id: string }, host: ConnectorHost): FlagWriter;
  ping(connection: Connection, host: ConnectorHost, signal: AbortSignal): Promise<PingResult>;
}
