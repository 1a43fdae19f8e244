import type { ErrorEvent, GeneratorResult, PagesResult, RunFinished } from '#contracts';
import { newId, type JobRouter } from '#model';
import type { ChildJob, EnqueueRun, LedgerBatch, StepErrorRow, Store } from '#store';

export const manual = (run: Partial<EnqueueRun> = {}): EnqueueRun => ({
  jobId: newId(),
  accountId: newId(),
  flowId: newId(),
  integrationId: null,
  triggeredBy: 'manual',
  userId: null,
  traceId: null,
  request: {},
  ...run,
});

/** A running run with one generator, one lookup and one import. */
export interface StartedRun {
  readonly accountId: string;
  readonly flowId: string;
  readonly runId: string;
  readonly exportId: string;
  readonly lookupId: string;
  readonly importId: string;
  readonly children: readonly ChildJob[];
}

export async function startRun(
  store: Store,
  run: Partial<EnqueueRun> = {},
  routers: readonly JobRouter[] = [],
): Promise<StartedRun> {
  const queued = manual(run);
  const [exportId, lookupId, importId] = [newId(), newId(), newId()];
  const children: ChildJob[] = [
    { jobId: newId(), type: 'export', stepId: exportId, oIndex: 0 },
    { jobId: newId(), type: 'export', stepId: lookupId, oIndex: 1 },
    { jobId: newId(), type: 'import', stepId: importId, oIndex: 2 },
  ];
  if (!(await store.jobs.enqueue(queued))) throw new Error(`The run ${queued.jobId} was not enqueued`);
  const outcome = await store.jobs.start(queued.jobId, `plan-${queued.flowId}`, children, routers);
  if (outcome !== 'started') throw new Error(`The run ${queued.jobId} is ${outcome}`);
  const { accountId, flowId, jobId: runId } = queued;
  return { accountId, flowId, runId, exportId, lookupId, importId, children };
}

const common = ({ runId, accountId, flowId }: StartedRun) => ({ v: 1 as const, runId, accountId, flowId });

/** The result of one page: every record passed the import. */
export const pageOf = (run: StartedRun, page: number, change: Partial<PagesResult> = {}): PagesResult => ({
  ...common(run),
  kind: 'pages',
  resultId: `${run.runId}/0/p${page}`,
  ordinal: 0,
  position: 0,
  pages: 1,
  forked: 0,
  steps: [{ stepId: run.importId, success: 20, error: 0, ignore: 0, pages: 1 }],
  errors: [],
  ...change,
});

/** A report of the generator after as many pages of 20 records; the last one unless `state` says otherwise. */
export const generatorOf = (
  run: StartedRun,
  pages: number,
  change: Partial<GeneratorResult> = {},
): GeneratorResult => ({
  ...common(run),
  kind: 'generator',
  exportId: run.exportId,
  ordinal: 0,
  slice: pages,
  totals: { pages, records: pages * 20, ignored: 0, failed: 0 },
  state: 'done',
  errors: [],
  ...change,
});

export const finishedOf = (run: StartedRun, change: Partial<RunFinished> = {}): RunFinished => ({
  ...common(run),
  kind: 'finished',
  canceled: false,
  finishedAt: '2030-05-06T07:08:09.123Z',
  ...change,
});

/** A failure of a generator that belongs to no record. */
export const failureOf = (run: StartedRun, change: Partial<ErrorEvent> = {}): ErrorEvent => ({
  stepId: run.exportId,
  errorId: newId(),
  page: 0,
  index: -1,
  failure: { code: '500', message: 'no answer', source: 'application' },
  traceKey: '',
  stage: 'page_generator',
  retryRecord: null,
  occurredAt: '2030-05-06T07:08:09.000Z',
  ...change,
});

export const errorOf = (run: StartedRun, change: Partial<StepErrorRow> = {}): StepErrorRow => ({
  errorId: newId(),
  accountId: run.accountId,
  flowId: run.flowId,
  stepId: run.importId,
  flowJobId: run.runId,
  occurredAt: '2030-05-06T07:08:09.123Z',
  source: 'application',
  code: '422',
  message: 'not accepted',
  classification: 'value',
  classifiedBy: 'autopilot',
  traceKey: 'order-1',
  exportDataURI: null,
  importDataURI: null,
  oIndex: '2',
  retryDataKey: null,
  retriable: false,
  reqAndResKey: null,
  traceId: null,
  warning: false,
  purgeAt: '2030-06-05T07:08:09.123Z',
  retryData: null,
  exchange: null,
  ...change,
});

type Content = Partial<Pick<LedgerBatch, 'pages' | 'generators' | 'finished' | 'errors'>>;

/** A consumer that owns one partition and knows where it stands. */
export class Consumer {
  readonly topic = 'step-results';
  readonly group = `errors-${newId()}`;
  #offset = 0n;

  constructor(
    private readonly store: Store,
    private readonly partition = 0,
  ) {}

  apply(content: Content): ReturnType<Store['ledger']['apply']> {
    const firstOffset = this.#offset;
    this.#offset += 1n;
    return this.store.ledger.apply(this.batch(firstOffset, this.#offset, content));
  }

  batch(firstOffset: bigint, nextOffset: bigint, content: Content): LedgerBatch {
    const { topic, group, partition } = this;
    return {
      topic,
      group,
      partition,
      firstOffset,
      nextOffset,
      pages: [],
      generators: [],
      finished: [],
      errors: [],
      ...content,
    };
  }
}
