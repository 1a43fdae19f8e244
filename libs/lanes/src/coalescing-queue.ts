import { setImmediate as turn } from 'node:timers/promises';

export interface CoalescingQueueOptions<T> {
  /** Carries one request; resolves when its items are durable. */
  send(items: readonly T[]): Promise<void>;
  readonly bytesOf: (item: T) => number;
  /** Most bytes of one request; a larger item travels alone. */
  readonly maxBytes: number;
  readonly maxItems: number;
  /**
   * Shortest time between the starts of two requests while there is company: after a request of several calls the next one
   * waits for more, unless it is full. A caller who is alone never waits. Default 0.
   */
  readonly spacingMs?: number;
}

interface Call<T> {
  readonly items: readonly T[];
  taken: number;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Keeps one request in flight; everything that is pushed meanwhile goes in the next, in the order of the pushes. Load
 * makes the batches: an idle queue sends at once. Where a request costs far more than its items, `spacingMs` keeps a fast
 * receiver from making many small ones of them.
 */
export class CoalescingQueue<T> {
  readonly #options: CoalescingQueueOptions<T>;
  #waiting: Call<T>[] = [];
  #running: Promise<void> | null = null;
  #nextAtMs = 0;

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
      await this.#companyArrives();
      const { items, calls } = this.#take();
      this.#nextAtMs = calls.length > 1 ? performance.now() + (this.#options.spacingMs ?? 0) : 0;
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

  async #companyArrives(): Promise<void> {
    const waitMs = this.#nextAtMs - performance.now();
    if (waitMs <= 0 || this.#isFull()) return;
    await new Promise<void>((resolve) => setTimeout(resolve, waitMs));
  }

  #isFull(): boolean {
    const { maxItems, maxBytes, bytesOf } = this.#options;
    let count = 0;
    let bytes = 0;
    for (const { items, taken } of this.#waiting) {
      for (let at = taken; at < items.length; at += 1) {
        count += 1;
        bytes += bytesOf(items[at] as T);
        if (count >= maxItems || bytes >= maxBytes) return true;
      }
    }
    return false;
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
