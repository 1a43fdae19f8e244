import type { Failure } from '#failures';
import type { JsonValue } from '#model';
import type { CompiledGenerator, PageRecord, PageRun, RecordFailure, RunContext, StepCounts } from '../program.js';
import { pickTraceKey } from '../trace-key.js';
import { isDetailed } from './step-details.js';

/** What a failure of a record is stored with. */
export interface FailedRecord {
  readonly failure: Failure;
  readonly traceKey?: string;
  readonly importDataURI?: string;
  /** Record that a retry starts from; default: the record as it entered the step. */
  readonly retryRecord?: JsonValue;
  /** The record goes on all the same and counts as what it becomes (decision 24). */
  readonly isWarning?: boolean;
}

/** Counts and failures of one page while it runs. */
export class PageLedger {
  readonly #counts: StepCounts[] = [];
  readonly #failures: RecordFailure[] = [];
  interrupted = false;

  constructor(
    private readonly generator: CompiledGenerator | undefined,
    private readonly run: RunContext,
  ) {}

  /** Counts of a step; a step that a page passes twice has one entry. */
  counts(stepId: string): StepCounts {
    let counts = this.#counts.find((step) => step.stepId === stepId);
    if (counts === undefined) {
      counts = { stepId, success: 0, error: 0, ignore: 0 };
      this.#counts.push(counts);
    }
    return counts;
  }

  fail(stepId: string, stage: string, record: PageRecord, failed: FailedRecord): void {
    const generator = this.generator !== undefined && isDetailed(this.generator) ? this.generator : undefined;
    const exportDataURI = generator?.dataURI?.(record.record, this.run);
    this.#failures.push({
      stepId,
      index: record.index,
      failure: failed.failure,
      traceKey: failed.traceKey ?? record.traceKey ?? pickTraceKey(record.record),
      retryRecord: generator?.skipRetries === true ? null : (failed.retryRecord ?? record.record),
      stage,
      ...(exportDataURI === undefined ? {} : { exportDataURI }),
      ...(failed.importDataURI === undefined ? {} : { importDataURI: failed.importDataURI }),
      ...(failed.isWarning === true ? { warning: true } : {}),
    });
  }

  conclude(continuations: PageRun['continuations']): PageRun {
    return { counts: this.#counts, failures: this.#failures, continuations, interrupted: this.interrupted };
  }
}
