import { setImmediate as turn } from 'node:timers/promises';

export interface CoalescingQueueOptions<T> {
  /** Carries one request; resolves when its items are durable. */
  send(items: readonly T[]): Promise<void>;
  bytesOf(item: T): number;
  /** Most bytes of one request; a larger item travels alone. */
  readonly maxBytes: number;
  readonly maxItems: number;
}

interface Call<T> {
  readonly items: readonly T[];
  taken: number;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Keeps one request in flight; everything that is pushed meanwhile goes in the next, in the order of the pushes. Load
 * makes the batches: there is no timer, and an idle queue sends at once.
 */
export class CoalescingQueue<T> {
  readonly #options: CoalescingQueueOptions<T>;
  #waiting: Call<T>[] = [];
  #running: Promise<void> | null = null;

  constructor(options: CoalescingQueueOptions<T>) {
    this.#options = options;
  }

  /** Resolves when all items are durable. When a request fails, the rest of the call is not sent: order would break. */
  push(items: readonly T[]): Promise<void> {
    if (items.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ items, taken: 0, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing is waiting or in flight. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #run(): Promise<void> {
    // What one read of a socket brought calls in one turn: the first request takes all of it.
    await turn();
    while (this.#waiting.length > 0) {
      const { items, calls } = this.#take();
      try {
        await this.#options.send(items);
      } catch (error) {
        const failed = new Set(calls);
        this.#waiting = this.#waiting.filter((call) => !failed.has(call));
        for (const call of calls) call.reject(error);
        continue;
      }
      for (const call of calls) {
        if (call.taken === call.items.length) call.resolve();
      }
    }
    this.#running = null;
  }

  #take(): { items: T[]; calls: Call<T>[] } {
    const { maxBytes, maxItems } = this.#options;
    const items: T[] = [];
    const calls: Call<T>[] = [];
    let bytes = 0;
    let completed = 0;
    fill: for (const call of this.#waiting) {
      const takenBefore = call.taken;
      for (; call.taken < call.items.length; call.taken += 1) {
        const item = call.items[call.taken] as T;
        bytes += this.#options.bytesOf(item);
        if (items.length > 0 && (bytes > maxBytes || items.length >= maxItems)) {
          if (call.taken > takenBefore) calls.push(call);
          break fill;
        }
        items.push(item);
      }
      calls.push(call);
      completed += 1;
    }
    this.#waiting = this.#waiting.slice(completed);
    return { items, calls };
  }
}
