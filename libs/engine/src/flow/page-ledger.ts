import type { Failure } from '#failures';
import type { JsonValue } from '#model';
import type { CompiledGenerator, PageRecord, PageRun, RecordFailure, RouterCounts, StepCounts } from '../program.js';
import type { RunContext } from '../run-context.js';
import { pickTraceKey } from '../trace-key.js';
import { isDetailed } from './step-details.js';

/** What a failure of a record is stored with. */
export interface FailedRecord {
  readonly failure: Failure;
  readonly traceKey?: string;
  readonly importDataURI?: string;
  /** Record that a retry starts from, null where there is nothing to retry; default: the record as it entered the step. */
  readonly retryRecord?: JsonValue | null;
  /** The record goes on all the same and counts as what it becomes (decision 24). */
  readonly isWarning?: boolean;
  readonly routerId?: string;
}

/** Counts and failures of one page while it runs. */
export class PageLedger {
  readonly #counts: StepCounts[] = [];
  readonly #failures: RecordFailure[] = [];
  readonly routers: RouterCounts[] = [];
  /** Copy number of the records at the step that runs. */
  copy: number | undefined;
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
      ...(this.copy === undefined ? {} : { copy: this.copy }),
      index: record.index,
      failure: failed.failure,
      traceKey: failed.traceKey ?? record.traceKey ?? pickTraceKey(record.record),
      retryRecord: generator?.skipRetries === true ? null : retryRecordOf(record, failed),
      stage,
      ...(exportDataURI === undefined ? {} : { exportDataURI }),
      ...(failed.importDataURI === undefined ? {} : { importDataURI: failed.importDataURI }),
      ...(failed.isWarning === true ? { warning: true } : {}),
      ...(failed.routerId === undefined ? {} : { routerId: failed.routerId }),
    });
  }

  /** A record that could not be routed: the error is its generator's, the count the router's. */
  failRouting(generatorId: string, routerId: string, record: PageRecord, failure: Failure): void {
    this.fail(generatorId, 'router', record, { failure, routerId });
  }

  conclude(continuations: PageRun['continuations']): PageRun {
    return {
      counts: this.#counts,
      failures: this.#failures,
      ...(this.routers.length === 0 ? {} : { routers: this.routers }),
      continuations,
      interrupted: this.interrupted,
    };
  }
}

function retryRecordOf({ record }: PageRecord, { retryRecord }: FailedRecord): JsonValue | null {
  return retryRecord === undefined ? record : retryRecord;
}
