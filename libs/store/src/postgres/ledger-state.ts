import type { GeneratorResult } from '#contracts';
import type { JobRouter } from '#model';
import type { JobStatus } from '../ports.js';

/** What the ledger knows of a run while its row is locked. */
export interface RunState {
  readonly runId: string;
  readonly accountId: string;
  readonly flowId: string;
  readonly status: JobStatus;
  /** in order of the steps */
  readonly children: readonly ChildState[];
  /** in order of the flow; null when it has none */
  readonly routers: readonly JobRouter[] | null;
  readonly planId: string | null;
  /** ids of the page generators that its start asked for; null is all */
  readonly asked: readonly unknown[] | null;
  /** by ordinal */
  readonly heads: ReadonlyMap<number, GeneratorHeadState>;
}

export interface ChildState {
  readonly jobId: string;
  readonly type: 'export' | 'import';
  readonly stepId: string;
}

/** The newest report of a generator; totals are absolute. */
export interface GeneratorHeadState {
  readonly exportId: string;
  readonly slice: number;
  readonly state: GeneratorResult['state'];
  readonly pages: number;
  readonly records: number;
  readonly ignored: number;
  readonly failed: number;
  /** failures that belong to no record, over all slices */
  readonly failures: number;
}

/** What a batch adds to a job. */
export interface JobDelta {
  success: number;
  error: number;
  ignore: number;
  pagesGenerated: number;
  pagesProcessed: number;
  doneExporting: boolean;
  /** the run's routers as they stand now; null when nothing was routed */
  routers: readonly JobRouter[] | null;
}

export const noDelta = (): JobDelta => ({
  success: 0,
  error: 0,
  ignore: 0,
  pagesGenerated: 0,
  pagesProcessed: 0,
  doneExporting: false,
  routers: null,
});

/** A row of the ledger: counts once, however often it is delivered. */
export interface LedgerEntry {
  readonly runId: string;
  readonly resultId: string;
  readonly pages: number;
  readonly forked: number;
}

/** Identity of a ledger row in memory. */
export const entryKey = ({ runId, resultId }: Pick<LedgerEntry, 'runId' | 'resultId'>): string =>
  `${runId} ${resultId}`;
