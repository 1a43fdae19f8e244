import type { FlowPlan } from '#engine';
import {
  PositionConflict,
  type ActiveRun,
  type Checkpoints,
  type ChildJob,
  type Documents,
  type DocumentType,
  type EnqueueRun,
  type Firings,
  type JobRow,
  type Jobs,
  type JobStatus,
  type Ledger,
  type LedgerBatch,
  type Plans,
  type ScriptLogRow,
  type ScriptLogs,
  type StoredDocument,
} from '#store';
import type { FakeClock } from './fake-broker.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Run {
  readonly row: Mutable<JobRow>;
  readonly maxConcurrentRuns: number;
  planId: string | null;
  children: readonly ChildJob[];
  isFollowed: boolean;
}

const active: readonly JobStatus[] = ['running', 'retrying', 'canceling'];
const final: readonly JobStatus[] = ['completed', 'failed', 'canceled'];

/** The parts of the store that schedulers and the errors service use, in memory, with the store's rules. */
export class FakeStore {
  readonly runs = new Map<string, Run>();
  readonly applied: LedgerBatch[] = [];
  readonly scriptLogRows: ScriptLogRow[] = [];
  readonly plansById = new Map<string, FlowPlan>();
  readonly checkpointsByKey = new Map<string, string>();
  readonly fired = new Map<string, { readonly instant: string; readonly outcome: 'fired' | 'skipped' }>();
  /** Statements that a test wants to count. */
  readonly calls: Record<string, number> = {};
  readonly #clock: FakeClock;
  readonly #documents = new Map<string, StoredDocument>();
  readonly #positions = new Map<string, bigint>();
  #flowsVersion = 0;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** Stores a document; `lastModified` is now unless given. */
  put(accountId: string, type: DocumentType, document: StoredDocument): void {
    this.#documents.set(`${accountId}/${type}/${document._id}`, { lastModified: this.#now(), ...document });
    if (type === 'flows') this.#flowsVersion += 1;
  }

  run(jobId: string): JobRow {
    const run = this.runs.get(jobId);
    if (!run) throw new Error(`There is no run ${jobId}.`);
    return run.row;
  }

  /** Ends a run as the ledger would. */
  finish(jobId: string, status: 'completed' | 'failed' | 'canceled'): void {
    const run = this.runs.get(jobId);
    if (run) Object.assign(run.row, { status, endedAt: this.#now() });
  }

  readonly documents: Pick<Documents, 'get' | 'getMany' | 'scheduledFlows' | 'flowsVersion'> = {
    get: (accountId, type, id) => this.#answer('documents.get', () => this.#find(accountId, type, id)),
    getMany: (accountId, type, ids) =>
      this.#answer('documents.getMany', () =>
        ids.map((id) => this.#find(accountId, type, id)).filter((document) => document !== null),
      ),
    scheduledFlows: () =>
      this.#answer('documents.scheduledFlows', () =>
        [...this.#documents]
          .filter(([key]) => key.split('/')[1] === 'flows')
          .map(([key, flow]) => ({ accountId: key.split('/')[0] ?? '', flow })),
      ),
    flowsVersion: () => this.#answer('documents.flowsVersion', () => String(this.#flowsVersion)),
  };

  readonly scriptLogs: Pick<ScriptLogs, 'append'> = {
    append: (rows) => this.#answer('scriptLogs.append', () => void this.scriptLogRows.push(...rows)),
  };

  readonly jobs: Pick<
    Jobs,
    | 'enqueue'
    | 'start'
    | 'refuse'
    | 'cancel'
    | 'getAny'
    | 'planOf'
    | 'activeRuns'
    | 'startable'
    | 'unfollowed'
    | 'markFollowed'
  > = {
    enqueue: (run) => this.#answer('jobs.enqueue', () => this.#admit(run, 1)),
    start: (jobId, planId, children, routers = [], options = {}) =>
      this.#answer('jobs.start', () => {
        const run = this.runs.get(jobId);
        if (!run || run.row.status !== 'queued') return 'gone';
        if (this.#activeOf(run.row._flowId) >= run.maxConcurrentRuns) {
          Object.assign(run.row, { waitingFor: 'one_run_at_a_time' });
          return 'busy';
        }
        const counted = routers.length === 0 ? null : routers;
        const startedAt = options.at?.toISOString() ?? this.#now();
        const started = { status: 'running', startedAt, waitingFor: null, routers: counted };
        Object.assign(run.row, started);
        Object.assign(run, { planId, children, isFollowed: options.nothingFollows === true });
        return 'started';
      }),
    refuse: (jobId, failure) =>
      this.#answer('jobs.refuse', () => {
        const run = this.runs.get(jobId);
        if (run?.row.status === 'queued') Object.assign(run.row, { status: 'failed', failure, endedAt: this.#now() });
      }),
    cancel: (_accountId, jobId, by) =>
      this.#answer('jobs.cancel', () => {
        const run = this.runs.get(jobId);
        if (!run) return null;
        if (run.row.status === 'queued') Object.assign(run.row, { status: 'canceled', endedAt: this.#now() });
        else if (active.includes(run.row.status)) Object.assign(run.row, { status: 'canceling' });
        Object.assign(run.row, { canceledBy: by, canceledAt: this.#now() });
        return { ...run.row };
      }),
    getAny: (jobId) =>
      this.#answer('jobs.getAny', () => {
        const run = this.runs.get(jobId);
        return run ? { ...run.row } : null;
      }),
    planOf: (jobId) =>
      this.#answer('jobs.planOf', () => {
        const run = this.runs.get(jobId);
        return run?.planId ? { planId: run.planId, children: run.children } : null;
      }),
    activeRuns: (limit) =>
      this.#answer('jobs.activeRuns', () => this.#select((run) => active.includes(run.row.status), limit)),
    startable: (limit, which) =>
      this.#answer('jobs.startable', () =>
        this.#select(
          (run) =>
            run.row.status === 'queued' &&
            (which !== 'heldBack' || run.row.waitingFor !== null) &&
            this.#activeOf(run.row._flowId) < run.maxConcurrentRuns,
          limit,
        ),
      ),
    unfollowed: (limit) =>
      this.#answer('jobs.unfollowed', () =>
        [...this.runs.values()]
          .filter((run) => final.includes(run.row.status) && !run.isFollowed)
          .slice(0, limit)
          .map((run) => ({ ...run.row })),
      ),
    markFollowed: (jobId) =>
      this.#answer('jobs.markFollowed', () => {
        const run = this.runs.get(jobId);
        if (!run || run.isFollowed) return false;
        run.isFollowed = true;
        return true;
      }),
  };

  readonly plans: Plans = {
    put: (planId, _accountId, plan) => this.#answer('plans.put', () => void this.plansById.set(planId, plan)),
    get: (planId) => this.#answer('plans.get', () => this.plansById.get(planId) ?? null),
  };

  readonly firings: Firings = {
    fire: (key, instant, run) =>
      this.#answer('firings.fire', () => {
        if (this.fired.has(key)) return 'duplicate';
        const outcome = this.#admit(run, 0) ? 'fired' : 'skipped';
        this.fired.set(key, { instant, outcome });
        return outcome;
      }),
    last: (flowId, exportId) =>
      this.#answer('firings.last', () => {
        const prefix = `${exportId === null ? flowId : `${flowId}/${exportId}`}@`;
        const instants = [...this.fired].filter(([key]) => key.startsWith(prefix)).map(([, firing]) => firing.instant);
        return instants.sort().at(-1) ?? null;
      }),
  };

  readonly checkpoints: Checkpoints = {
    get: (flowId, exportId) =>
      this.#answer('checkpoints.get', () => this.checkpointsByKey.get(`${flowId}/${exportId}`) ?? null),
    latest: (flowId) =>
      this.#answer('checkpoints.latest', () => {
        const own = [...this.checkpointsByKey].filter(([key]) => key.startsWith(`${flowId}/`)).map(([, at]) => at);
        return own.sort().at(-1) ?? null;
      }),
    advance: (_accountId, flowId, exportId, to) =>
      this.#answer('checkpoints.advance', () => {
        const key = `${flowId}/${exportId}`;
        if ((this.checkpointsByKey.get(key) ?? '') < to) this.checkpointsByKey.set(key, to);
      }),
  };

  /** Keeps the position rule; what batches do to counts is the real store's own test. */
  readonly ledger: Ledger = {
    position: (topic, group, partition) =>
      this.#answer('ledger.position', () => this.#positions.get(`${topic}/${group}/${partition}`) ?? null),
    apply: (batch) =>
      this.#answer('ledger.apply', () => {
        const key = `${batch.topic}/${batch.group}/${batch.partition}`;
        const position = this.#positions.get(key);
        if (position !== undefined && position !== batch.firstOffset) {
          throw new PositionConflict(`stands at ${position}, not at ${batch.firstOffset}`);
        }
        this.#positions.set(key, batch.nextOffset);
        this.applied.push(batch);
        const finalized = batch.finished.map(({ runId, accountId, flowId, canceled }) => {
          this.finish(runId, canceled ? 'canceled' : 'completed');
          return { runId, accountId, flowId, status: canceled ? ('canceled' as const) : ('completed' as const) };
        });
        const changed = new Set([...batch.pages, ...batch.generators, ...batch.finished].map(({ runId }) => runId));
        return { finalized, changed: [...changed] };
      }),
  };

  #admit(run: EnqueueRun, waiting: number): boolean {
    if (this.runs.has(run.jobId)) return true;
    const maxConcurrentRuns = run.maxConcurrentRuns ?? 1;
    const unfinished = [...this.runs.values()].filter(
      ({ row }) => row._flowId === run.flowId && !final.includes(row.status),
    ).length;
    if (unfinished >= maxConcurrentRuns + waiting) return false;
    const waitingFor = unfinished >= maxConcurrentRuns ? 'one_run_at_a_time' : null;
    this.runs.set(run.jobId, {
      row: { ...newRow(run, this.#now()), waitingFor },
      maxConcurrentRuns,
      planId: null,
      children: [],
      isFollowed: false,
    });
    return true;
  }

  #activeOf(flowId: string): number {
    return [...this.runs.values()].filter(({ row }) => row._flowId === flowId && active.includes(row.status)).length;
  }

  #select(isWanted: (run: Run) => boolean, limit: number): ActiveRun[] {
    return [...this.runs.values()]
      .filter(isWanted)
      .slice(0, limit)
      .map(({ row, planId }) => ({
        jobId: row._id,
        accountId: row.accountId,
        flowId: row._flowId,
        status: row.status,
        startedAt: row.startedAt,
        planId,
      }));
  }

  #find(accountId: string, type: DocumentType, id: string): StoredDocument | null {
    return this.#documents.get(`${accountId}/${type}/${id}`) ?? null;
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString();
  }

  /** Takes effect at once and answers in a later turn, as a database does. */
  #answer<T>(name: string, work: () => T): Promise<T> {
    this.calls[name] = (this.calls[name] ?? 0) + 1;
    return new Promise((resolve, reject) => {
      try {
        const result = work();
        setImmediate(() => resolve(result));
      } catch (error) {
        reject(error);
      }
    });
  }
}

function newRow(run: EnqueueRun, now: string): JobRow {
  return {
    _id: run.jobId,
    accountId: run.accountId,
    type: 'flow',
    _integrationId: run.integrationId,
    _flowId: run.flowId,
    _exportId: null,
    _importId: null,
    _flowJobId: null,
    oIndex: null,
    status: 'queued',
    createdAt: now,
    startedAt: null,
    endedAt: null,
    lastModified: now,
    purgeAt: now,
    numError: 0,
    numResolved: 0,
    numOpenError: 0,
    numSuccess: 0,
    numIgnore: 0,
    numExport: 0,
    numPagesGenerated: 0,
    numPagesProcessed: 0,
    doneExporting: false,
    triggeredBy: run.triggeredBy,
    _userId: run.userId,
    canceledBy: null,
    canceledAt: null,
    waitingFor: null,
    failure: null,
    traceId: run.traceId,
    routers: null,
    request: run.request,
  };
}
