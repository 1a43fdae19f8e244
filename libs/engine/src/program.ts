import type { Failure } from '#failures';
import type { Connection, Export, Flow, Import, JsonRecord, JsonValue, StoredStack } from '#model';
import type { Functions } from './functions.js';
import type { GroupKey } from './grouping.js';
import type { LookupAnswer, LookupAnswers } from './mapping/index.js';
import type { Mapped, RunContext } from './run-context.js';
import type { StageWatch } from './stages.js';

/**
 * What a run executes: a snapshot of a flow and everything it refers to, taken when the run starts, so that every page of
 * a run is treated alike. Secrets inside connections are still sealed here; only connectors open them.
 */
export interface FlowPlan {
  readonly flow: Flow & { readonly _id: string };
  readonly exports: Readonly<Record<string, Export & { readonly _id: string }>>;
  readonly imports: Readonly<Record<string, Import & { readonly _id: string }>>;
  readonly connections: Readonly<Record<string, Connection & { readonly _id: string }>>;
  /** By scope: `integration`, `flowGrouping`, `flow`. Step and connection settings are read from their documents. */
  readonly settings: Readonly<Record<string, JsonRecord>>;
  /** The integration above the flow's. */
  readonly parentIntegrationId?: string;
  /** Stacks by id, of every function and wrapper that the flow and its steps name; their secrets are sealed here. */
  readonly stacks?: Readonly<Record<string, StoredStack>>;
  /** Scripts by id, of every function that the flow and its steps name. Absent: none is named. */
  readonly scripts?: Readonly<Record<string, PlanScript>>;
}

/** A script as a run executes it, whatever becomes of the resource meanwhile. Reference: resources §9. */
export interface PlanScript {
  /** JavaScript */
  readonly content: string;
  /** `postResponseMap` gets the children of a `oneToMany` step, not their parents. */
  readonly postResponseHookToProcessOnChildRecord: boolean;
  /** ISO 8601; `console.debug` is kept until then. Absent: it is dropped. */
  readonly debugUntil?: string;
}

/** Index of an instruction in {@link PageProgram.instructions}. Positions of one plan never change meaning. */
export type Position = number;

/** One record of a page on its way. */
export interface PageRecord {
  /** Index within the page as generated; with run, generator and page it names the record for ever. */
  readonly index: number;
  readonly record: JsonValue;
  /** Rendered from `traceKeyTemplate`, or picked; ≤ 512 characters. Absent: derived when an error needs one. */
  readonly traceKey?: string;
}

export interface PageIdentity {
  readonly generator: string;
  readonly page: number;
  /**
   * Tells apart the pages of this number that bring a record to the same step more than once: the copies that routers
   * make of it, and the turns at a step that the flow names twice. What is named for ever (requests, errors) carries it.
   * Absent: 0, the only copy of a record that was never copied.
   */
  readonly copy?: number;
  /** Digest of what the page was made of, where another reading might give its number to other records. */
  readonly content?: string;
}

/** Counts of one step for one page. One record adds to exactly one of the three (decision 1). */
export interface StepCounts {
  stepId: string;
  success: number;
  error: number;
  ignore: number;
}

/** What a router did with the records of one page. One record adds to exactly one of the first three. */
export interface RouterCounts {
  /** Index of the router in its flow. */
  readonly router: number;
  /** records that took at least one branch */
  success: number;
  /** records that could not be routed */
  error: number;
  /** records that no branch took (decision 7) */
  ignore: number;
  /** records that took each branch, by index: in `all_matching_branches` the sum may exceed `success` */
  readonly branches: number[];
}

/** A record that failed at a step, with what a retry needs. */
export interface RecordFailure {
  /** For a record that could not be routed, its page generator: errors belong to an export or import. */
  readonly stepId: string;
  /** The router that a record failed at; absent at steps. */
  readonly routerId?: string;
  /** As in {@link PageIdentity}. */
  readonly copy?: number;
  /** Index of the record in its page; -1 when the whole step failed without a record. */
  readonly index: number;
  readonly failure: Failure;
  readonly traceKey: string;
  readonly exportDataURI?: string;
  readonly importDataURI?: string;
  /** The record as it entered the step, or null when nothing can be retried. Reference: errors §7. */
  readonly retryRecord: JsonValue | null;
  /** `page_generator`, `page_processor_lookup`, `page_processor_import`, `router` */
  readonly stage: string;
  /** Stored, and counts nowhere: the record goes on (decision 24). */
  readonly warning?: true;
}

/** Answer of a destination for one record. Reference: runtime §9.3. */
export interface ImportOutcome {
  /** 200 accepted, 422 data error, 403 connection offline */
  readonly statusCode: number;
  readonly id?: string;
  readonly ignored?: boolean;
  readonly failures?: readonly Failure[];
  /** Of a record that was accepted all the same: logged, and it goes on (decision 24). */
  readonly warnings?: readonly Failure[];
  readonly _json?: JsonValue;
  readonly _headers?: Readonly<Record<string, string>>;
  readonly dataURI?: string;
}

/** Answer of a lookup for one record. Reference: runtime §9.2. */
export interface LookupOutcome {
  readonly statusCode: number;
  readonly data: readonly JsonValue[];
  readonly failures?: readonly Failure[];
}

/** A record ready for a destination: URI and headers render over `record`, the body over `mapped`. */
export interface PreparedRecord {
  readonly index: number;
  readonly record: JsonValue;
  readonly mapped: JsonValue;
  /** Which of its two requests a composite import sends. Reference: runtime §9.3. */
  readonly operation?: Operation;
  /** Values of the dynamic lookups that templates of the step read as `lookup.<name>`. */
  readonly lookups?: JsonRecord;
  /**
   * Rendered `idLockTemplate`: records of the step with the same key are never sent at the same time, whatever run, page
   * or process they are in. Reference: runtime §9.3.
   */
  readonly lockKey?: string;
}

export type Operation = 'create' | 'update';

/** A dynamic lookup of an import, asked for one record. Reference: runtime §14. */
export interface LookupQuestion {
  /** Its name. */
  readonly lookup: string;
  /** The record before it is mapped; the lookup's request renders over it. */
  readonly record: JsonValue;
}

/**
 * What the engine asks of the world. Implemented by the executor over connectors; by plain functions in tests.
 * No method throws for a failure of records or of the remote: failures are values.
 */
export interface Effects {
  /** Users' functions: hooks, and filters and transforms that are scripts. */
  readonly functions: Functions;
  /** Absent in runs; see {@link StageWatch}. */
  readonly watch?: StageWatch;
  /**
   * Outcomes in the order of `records`, one each.
   *
   * @param page names the records at this step: its `copy` tells apart the times that they come here
   */
  submit(stepId: string, page: PageIdentity, records: readonly PreparedRecord[]): Promise<readonly ImportOutcome[]>;
  lookup(stepId: string, page: PageIdentity, records: readonly PreparedRecord[]): Promise<readonly LookupOutcome[]>;
  /** Answers in the order of `questions`, one each; equal requests are sent once. */
  resolveLookups(
    stepId: string,
    page: PageIdentity,
    questions: readonly LookupQuestion[],
  ): Promise<readonly LookupAnswer[]>;
  /** True once the run was canceled: no new effect is started (decision 6). */
  isCanceled(): boolean;
}

/** A flow compiled for execution. Built once per plan and worker, used for every page. */
export interface PageProgram {
  readonly instructions: readonly Instruction[];
  readonly entry: Position;
}

/**
 * Instructions are flat and addressed by position, so that a page can wait on the bus between any two of them. Each
 * names the position that follows; `fork` names one per branch. A router that several branches lead to stands there once.
 */
export type Instruction =
  | StepInstruction<'lookup', CompiledLookup>
  | StepInstruction<'import', CompiledImport>
  | { readonly op: 'fork'; readonly routerId: string; readonly router: CompiledRouter }
  | { readonly op: 'end' };

interface StepInstruction<Op extends string, Step> {
  readonly op: Op;
  readonly stepId: string;
  readonly step: Step;
  readonly next: Position;
  /** Added to the copy of a page here, where the flow names a step again, so that its requests get other names. */
  readonly copyOffset?: number;
}

export interface CompiledStep {
  readonly proceedOnFailure: boolean;
  /** Keeps the record for this step? A failure is the record's. Absent: every record. */
  readonly filter?: (record: JsonValue, run: RunContext) => boolean | Failure;
  /**
   * Builds what the destination gets. Absent: the record itself.
   *
   * @param answers of the dynamic lookups that it uses
   * @param operation of the record, for composite imports
   */
  readonly map?: (record: JsonValue, run: RunContext, answers?: LookupAnswers, operation?: Operation) => Mapped;
  /** Merges the response into the record; returns a new record. Absent: the record goes on as it was. */
  readonly mapResponse?: (record: JsonValue, response: JsonRecord) => JsonValue | Failure;
}

export interface CompiledLookup extends CompiledStep {
  readonly kind: 'lookup';
}

export interface CompiledImport extends CompiledStep {
  readonly kind: 'import';
}

export interface CompiledRouter {
  /** Index in the flow's routers. */
  readonly index: number;
  readonly branches: readonly CompiledBranch[];
  readonly choose: BranchChoice;
}

export interface CompiledBranch {
  /** Where its records go on; the position of the end when it discards them. */
  readonly position: Position;
  /** Added to the copy number of a page that takes it. */
  readonly copyOffset: number;
}

/**
 * Branches that records take, by index, ascending and without repeats: none when none matches. Answers in the order of
 * `records`, one each; a failure is the record's. Rejects only when a cancel breaks off a user's function.
 */
export type BranchChoice = (
  records: readonly PageRecord[],
  run: RunContext,
  functions: Functions,
) => Promise<readonly (readonly number[] | Failure)[]>;

/** A file before it is parsed. Reference: runtime §16 (preParse). */
export interface FileText {
  readonly preParseData: string;
  readonly fileMeta: JsonRecord;
}

/** What a user's function makes of a file; rejects only when a cancel breaks it off. */
export type PreParse = (
  file: FileText,
  run: RunContext,
  functions: Functions,
) => Promise<FileText | { readonly failure: Failure }>;

/** What happens to raw records between the source and their page. Reference: runtime §7. */
export interface CompiledGenerator {
  readonly exportId: string;
  /** records, or groups of them */
  readonly pageSize: number;
  /** Adjacent records with the same key become one record, a bare array, before anything else. Reference: runtime §7.2. */
  readonly groupKey?: GroupKey;
  /** Called with the text of each file that is read. */
  readonly preParse?: PreParse;
  /** Whether `preSavePage` or a transform is to see which file each record came from. Reference: runtime §7.1, §16.1. */
  readonly seesFiles?: true;
  /**
   * transform → output filter → preSavePage → trace key, on one page cut from the source's records (decision 3). A promise
   * only where users' functions take part.
   *
   * @param watch absent in runs
   */
  shape(page: RawPage, run: RunContext, functions: Functions, watch?: StageWatch): ShapedPage | Promise<ShapedPage>;
  /** Rendered `dataURITemplate`; undefined when it cannot be rendered for a record. Absent: there is none. */
  readonly dataURI?: (record: JsonValue, run: RunContext) => string | undefined;
}

/** A page as it was cut from what a source gave. */
export interface RawPage {
  /** Within the run of the export, from 0. */
  readonly index: number;
  readonly records: readonly JsonValue[];
  /** By position of its record: the file that it came from. Absent: nobody looks, or there are no files. */
  readonly fileMetas?: readonly (JsonRecord | undefined)[];
}

export interface ShapedPage {
  readonly records: readonly PageRecord[];
  readonly ignored: number;
  readonly failures: readonly RecordFailure[];
  /** The page cannot be saved: the generator ends with this failure, the page is gone. Reference: errors §15. */
  readonly fatal?: Failure;
  /** No page is wanted after this one. */
  readonly isLast?: true;
}

export interface CompiledFlow {
  readonly generators: ReadonlyMap<string, CompiledGenerator>;
  readonly program: PageProgram;
  /** Steps in `oIndex` order: generators first, then processors. */
  readonly stepIds: readonly string[];
}

/** A plan that cannot be executed: the run is refused, nothing is skipped silently (decision 28). */
export interface CompileFailure {
  readonly code: 'not_supported' | 'invalid_flow' | 'handlebars_template_parse_error' | 'invalid_value';
  readonly message: string;
  readonly stepId?: string;
}

/** Result of running one page from a position until it ended, forked, or reached a checkpoint. */
export interface PageRun {
  readonly counts: readonly StepCounts[];
  readonly failures: readonly RecordFailure[];
  /** Absent: the page passed no router. */
  readonly routers?: readonly RouterCounts[];
  /** Pages to publish before the old message is acknowledged; empty when the page is through. */
  readonly continuations: readonly Continuation[];
  /** True when a cancel left records untouched; they count nowhere (decision 6). */
  readonly interrupted: boolean;
}

/** A page that goes on elsewhere. No two of one run have both position and copy in common. */
export interface Continuation {
  readonly position: Position;
  /** As in {@link PageIdentity}. */
  readonly copy?: number;
  readonly records: readonly PageRecord[];
}

export type CompileFlow = (plan: FlowPlan) => CompiledFlow | { readonly failures: readonly CompileFailure[] };

export type RunPage = (
  flow: CompiledFlow,
  position: Position,
  page: PageIdentity,
  records: readonly PageRecord[],
  run: RunContext,
  effects: Effects,
) => Promise<PageRun>;
