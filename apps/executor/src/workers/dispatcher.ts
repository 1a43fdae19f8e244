import type { RunInfo } from '../runs/run-directory.js';
import type {
  AbandonTask,
  AggregateReply,
  AggregateTask,
  BundleReply,
  BundleTask,
  Control,
  SliceReply,
  SliceTask,
  TryOutTask,
  WorkerPool,
} from './protocol.js';

type Unintroduced<T> = Omit<T, 'introduction' | 'runId' | 'planId'>;

/** Upper bound of messages whose worker is remembered; the window of active runs stays far below. */
const maxRemembered = 50_000;

/**
 * Sends work to the worker that knows it: pages to the one that holds their parsed form, slices to the one that has the
 * source open, the rest to the one with the least to do. Introduces runs and plans to workers that lack them.
 */
export class Dispatcher {
  readonly #pool: WorkerPool;
  readonly #load: number[];
  /** message id → worker that holds its pages */
  readonly #residents = new Map<string, number>();
  /** `<runId>/<ordinal>` → worker that has the source open */
  readonly #readers = new Map<string, number>();

  constructor(pool: WorkerPool) {
    this.#pool = pool;
    this.#load = Array.from({ length: pool.size }, () => 0);
    pool.onLost((worker) => this.#forget(worker));
  }

  async readSlice(run: RunInfo, task: Unintroduced<SliceTask>): Promise<Exclude<SliceReply, { kind: 'missing' }>> {
    const key = `${task.header.runId}/${task.header.ordinal}`;
    const worker = this.#readers.get(key) ?? this.#leastLoaded();
    return this.#counted(worker, async () => {
      // With its first slice a run is new to every worker.
      const isFirst = task.header.slice === 0;
      const reply = await this.#introduced(
        run,
        (known) =>
          this.#pool
            .worker(worker)
            .readSlice({ ...task, ...known, ...(task.body === undefined ? {} : { body: ownCopy(task.body) }) }),
        isFirst ? { run: run.spec } : undefined,
      );
      if (reply.kind === 'missing') throw new Error('A worker asks for what it was just given.');
      if (reply.kind === 'slice') {
        if (reply.end === null) this.#readers.set(key, worker);
        else this.#readers.delete(key);
        for (const { id, isResident } of reply.bundles) if (isResident) this.#remember(id, worker);
      }
      return reply;
    });
  }

  /** @param fetchBody asked only when no worker holds the parsed pages */
  async runBundle(
    run: RunInfo,
    task: Unintroduced<Omit<BundleTask, 'body'>>,
    fetchBody: () => Promise<Uint8Array>,
  ): Promise<Exclude<BundleReply, { kind: 'missing' }>> {
    const holder = this.#residents.get(task.messageId);
    this.#residents.delete(task.messageId);
    const worker = holder ?? this.#leastLoaded();
    return this.#counted(worker, async () => {
      let body = holder === undefined ? await fetchBody() : undefined;
      for (;;) {
        const reply = await this.#introduced(run, (known) =>
          this.#pool
            .worker(worker)
            .runBundle({ ...task, ...known, ...(body === undefined ? {} : { body: ownCopy(body) }) }),
        );
        if (reply.kind !== 'missing') {
          if (reply.kind === 'bundle') {
            for (const { id, isResident } of reply.continuations) if (isResident) this.#remember(id, worker);
          }
          return reply;
        }
        if (body !== undefined) throw new Error('A worker asks for what it was just given.');
        body = await fetchBody();
      }
    });
  }

  async abandonBundle(
    run: RunInfo,
    task: Unintroduced<AbandonTask>,
  ): Promise<Exclude<BundleReply, { kind: 'missing' }>> {
    const worker = this.#leastLoaded();
    return this.#counted(worker, async () => {
      const reply = await this.#introduced(run, (known) =>
        this.#pool.worker(worker).abandonBundle({ ...task, ...known, body: ownCopy(task.body) }),
      );
      if (reply.kind === 'missing') throw new Error('A worker asks for what it was just given.');
      return reply;
    });
  }

  async aggregate(
    run: RunInfo,
    task: Unintroduced<AggregateTask>,
  ): Promise<Exclude<AggregateReply, { kind: 'missing' }>> {
    const worker = this.#leastLoaded();
    return this.#counted(worker, async () => {
      const reply = await this.#introduced(run, (known) => this.#pool.worker(worker).aggregate({ ...task, ...known }));
      if (reply.kind === 'missing') throw new Error('A worker asks for what it was just given.');
      return reply;
    });
  }

  /** What was read for these messages is void: the messages exist already, as someone else wrote them. */
  async discard(runId: string, ordinal: number, messageIds: readonly string[]): Promise<void> {
    this.#readers.delete(`${runId}/${ordinal}`);
    await this.forget(messageIds);
    await this.#all({ kind: 'close-generator', runId, ordinal });
  }

  /** The pages of these messages are void: others were published under their ids. */
  async forget(messageIds: readonly string[]): Promise<void> {
    for (const id of messageIds) this.#residents.delete(id);
    await this.#all({ kind: 'forget', messageIds });
  }

  async closeGenerator(runId: string, ordinal: number): Promise<void> {
    const reader = this.#readers.get(`${runId}/${ordinal}`);
    if (reader === undefined) return;
    this.#readers.delete(`${runId}/${ordinal}`);
    await this.#pool.worker(reader).control({ kind: 'close-generator', runId, ordinal });
  }

  tryOut(task: TryOutTask): Promise<Uint8Array> {
    const worker = this.#leastLoaded();
    return this.#counted(worker, () => this.#pool.worker(worker).tryOut({ ...task, payload: ownCopy(task.payload) }));
  }

  cancelTryOut(id: string): Promise<void> {
    return this.#all({ kind: 'cancel-try-out', id });
  }

  cancel(runId: string): Promise<void> {
    return this.#all({ kind: 'cancel', runId });
  }

  async #all(message: Control): Promise<void> {
    const workers = Array.from({ length: this.#pool.size }, (_, index) => this.#pool.worker(index));
    await Promise.all(workers.map((worker) => worker.control(message)));
  }

  /** Asks; when the worker does not know the run or its plan, tells it and asks again. */
  async #introduced<R extends { readonly kind: string }>(
    run: RunInfo,
    ask: (known: Pick<SliceTask, 'runId' | 'planId' | 'introduction'>) => Promise<R>,
    first?: SliceTask['introduction'],
  ): Promise<R> {
    const { runId, planId } = run.spec;
    const reply = await ask({ runId, planId, ...(first ? { introduction: first } : {}) });
    const lacks = reply.kind === 'missing' && (reply as { what?: string }).what === 'introduction';
    if (!lacks) return reply;
    return ask({ runId, planId, introduction: run.introduction });
  }

  #remember(messageId: string, worker: number): void {
    this.#residents.set(messageId, worker);
    if (this.#residents.size <= maxRemembered) return;
    const [oldest] = this.#residents.keys() as Iterable<string>;
    if (oldest !== undefined) this.#residents.delete(oldest);
  }

  #forget(worker: number): void {
    for (const [id, holder] of this.#residents) if (holder === worker) this.#residents.delete(id);
    for (const [key, reader] of this.#readers) if (reader === worker) this.#readers.delete(key);
  }

  #leastLoaded(): number {
    let least = 0;
    for (let i = 1; i < this.#load.length; i += 1) if (this.#load[i]! < this.#load[least]!) least = i;
    return least;
  }

  async #counted<R>(worker: number, work: () => Promise<R>): Promise<R> {
    this.#load[worker]! += 1;
    try {
      return await work();
    } finally {
      this.#load[worker]! -= 1;
    }
  }
}

/** Bytes of their own, which can be transferred: what a broker's client delivers is often a view into its read buffer. */
function ownCopy(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
