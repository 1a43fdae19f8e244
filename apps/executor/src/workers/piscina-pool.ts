import { Piscina } from 'piscina';
import type {
  AbandonTask,
  AggregateReply,
  AggregateTask,
  BundleReply,
  BundleTask,
  Control,
  Notice,
  SliceReply,
  SliceTask,
  TryOutTask,
  WorkerApi,
  WorkerPool,
} from './protocol.js';
import type { WorkerCall, WorkerThreadData } from './thread-messages.js';

/** Bounded by leases and budgets long before; Piscina would queue what is beyond, control messages included. */
const tasksPerWorker = 100_000;

/**
 * Half of what V8 takes by default. Records die young here, so that more memory only lets garbage wait: it makes collections
 * no cheaper, and a process of long runs 50 MB larger than one of short ones (measured by `npm run bench -- volume`).
 */
const youngGenerationMb = 24;

/**
 * Worker threads. Each is a Piscina of one thread, so that work can be sent to the very worker that holds a page's parsed
 * form. Tasks are asynchronous and run side by side; workers wait for messages in their event loop, not by `Atomics`,
 * because sources and sockets live there between tasks.
 */
export class PiscinaPool implements WorkerPool {
  readonly #pools: Piscina[];
  readonly #workers: WorkerApi[];
  readonly #listeners: ((worker: number, notice: Notice) => void)[] = [];
  readonly #lostListeners: ((worker: number) => void)[] = [];

  constructor(
    readonly size: number,
    data: WorkerThreadData,
    reportError: (error: unknown, doing: string) => void,
  ) {
    this.#pools = Array.from({ length: size }, (_, index) => {
      const pool = new Piscina({
        filename: new URL('./worker.js', import.meta.url).href,
        workerData: data,
        minThreads: 1,
        maxThreads: 1,
        concurrentTasksPerWorker: tasksPerWorker,
        maxQueue: tasksPerWorker,
        idleTimeout: Infinity,
        atomics: 'disabled',
        recordTiming: false,
        resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMb },
      });
      pool.on('message', (notice: Notice) => {
        for (const listener of this.#listeners) listener(index, notice);
      });
      pool.on('error', (error: unknown) => reportError(error, `running worker ${index}`));
      pool.on('workerDestroy', () => {
        for (const listener of this.#lostListeners) listener(index);
      });
      return pool;
    });
    this.#workers = this.#pools.map((pool) => new ThreadWorker(pool));
  }

  worker(index: number): WorkerApi {
    return this.#workers[index]!;
  }

  onNotice(listener: (worker: number, notice: Notice) => void): void {
    this.#listeners.push(listener);
  }

  onLost(listener: (worker: number) => void): void {
    this.#lostListeners.push(listener);
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.destroy()));
  }
}

class ThreadWorker implements WorkerApi {
  constructor(private readonly pool: Piscina) {}

  readSlice(task: SliceTask): Promise<SliceReply> {
    return this.#call({ method: 'readSlice', task }, task.body ? [task.body] : []);
  }

  runBundle(task: BundleTask): Promise<BundleReply> {
    return this.#call({ method: 'runBundle', task }, task.body ? [task.body] : []);
  }

  abandonBundle(task: AbandonTask): Promise<BundleReply> {
    return this.#call({ method: 'abandonBundle', task }, [task.body]);
  }

  aggregate(task: AggregateTask): Promise<AggregateReply> {
    return this.#call({ method: 'aggregate', task }, []);
  }

  tryOut(task: TryOutTask): Promise<Uint8Array> {
    return this.#call({ method: 'tryOut', task }, [task.payload]);
  }

  isStackCallOpen(callId: string): Promise<boolean> {
    return this.#call({ method: 'isStackCallOpen', task: callId }, []);
  }

  control(message: Control): Promise<void> {
    return this.#call({ method: 'control', task: message }, []);
  }

  async #call<R>(call: WorkerCall, bodies: readonly Uint8Array[]): Promise<R> {
    const transferList = bodies.map((body) => body.buffer as ArrayBuffer);
    // Piscina infers its own type for the list from an overload of `postMessage` that takes options instead.
    return (await this.pool.run(call, { transferList: transferList as never })) as R;
  }
}
