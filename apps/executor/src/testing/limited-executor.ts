import type { Clock, Permit } from '#connectors';
import type { FakeBroker, FakeBus } from '#testing/fakes/fake-broker';
import { LimitAllocator } from '../limits/limit-allocator.js';
import type { Control, Notice, WorkerApi, WorkerPool } from '../workers/protocol.js';
import { WorkerLimits } from '../workers/worker-limits.js';

export const connectionId = 'c'.repeat(24);
const never = new AbortController().signal;

/** An executor as far as limits go: workers with semaphores, an allocator, a connection to the broker. */
export class LimitedExecutor {
  readonly bus: FakeBus;
  readonly allocator: LimitAllocator;
  readonly workers: WorkerLimits[];
  isDead = false;
  readonly #permits: Permit[] = [];
  #listener: (worker: number, notice: Notice) => void = () => undefined;

  constructor(name: string, broker: FakeBroker, clock: Clock, limit: number, workers = 1) {
    this.bus = broker.connect();
    this.workers = Array.from({ length: workers }, (_, index) => {
      const worker = new WorkerLimits(clock, (notice) => this.#listener(index, notice));
      worker.register(connectionId, { limitKey: connectionId, limit, recoversGradually: false });
      return worker;
    });
    const pool: WorkerPool = {
      size: workers,
      worker: (index) => ({ control: (message: Control) => this.#control(index, message) }) as unknown as WorkerApi,
      onNotice: (listener) => (this.#listener = listener),
      onLost: () => undefined,
      close: async () => undefined,
    };
    const reportError = (error: unknown): void => {
      throw error;
    };
    this.allocator = new LimitAllocator({ bus: this.bus, clock, instance: name, pool, reportError });
    pool.onNotice((worker, notice) => {
      if (notice.kind !== 'token-request') this.allocator.handle(worker, notice);
    });
  }

  /** Requests under way now. */
  get used(): number {
    return this.isDead ? 0 : this.#permits.length;
  }

  /** Asks for permits; they count as used from when they are granted. */
  want(count: number, worker = 0): void {
    for (let i = 0; i < count; i += 1) {
      this.workers[worker]!.acquire(connectionId, never).then(
        (permit) => this.#permits.push(permit),
        () => undefined,
      );
    }
  }

  /** Requests that are done; each asks for another one at once when `again`. */
  finish(count: number, again = true): void {
    const done = this.#permits.splice(0, count);
    for (const permit of done) permit.release();
    if (again) this.want(done.length);
  }

  die(): void {
    this.isDead = true;
    this.bus.kill();
  }

  async #control(index: number, message: Control): Promise<void> {
    const worker = this.workers[index]!;
    if (message.kind === 'capacity') return worker.setCapacity(message.limitKey, message.permits);
    if (message.kind === 'pace') worker.setPace(message.limitKey, message.pausedUntilMs, message.isReduced);
  }
}
