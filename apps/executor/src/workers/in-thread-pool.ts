import type { Notice, WorkerApi, WorkerPool } from './protocol.js';
import type { WorkerHost, WorkerKit } from './worker-kit.js';
import { WorkerRuntime } from './worker-runtime.js';

/** Workers that live in the calling thread: for tests, which need no build then. */
export class InThreadPool implements WorkerPool {
  readonly #workers: WorkerApi[];
  readonly #listeners: ((worker: number, notice: Notice) => void)[] = [];
  readonly #lostListeners: ((worker: number) => void)[] = [];
  readonly #makeWorker: (index: number) => WorkerApi;

  constructor(
    readonly size: number,
    kit: WorkerKit,
    host: Omit<WorkerHost, 'notify'>,
  ) {
    this.#makeWorker = (index) =>
      new WorkerRuntime(kit, {
        ...host,
        notify: (notice) => {
          for (const listener of this.#listeners) listener(index, notice);
        },
      });
    this.#workers = Array.from({ length: size }, (_, index) => this.#makeWorker(index));
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

  /** As if the worker had died: its successor knows nothing. */
  lose(index: number): void {
    this.#workers[index] = this.#makeWorker(index);
    for (const listener of this.#lostListeners) listener(index);
  }

  async close(): Promise<void> {}
}
