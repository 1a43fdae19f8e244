import { setImmediate as turn } from 'node:timers/promises';

/** One submitted item and its promise. */
export interface Pending<T, R> {
  readonly item: T;
  resolve(result: R): void;
  reject(error: unknown): void;
}

export interface LaneOptions<T, R> {
  /** Settles every entry of the batch. Whatever it leaves open is rejected with what it throws. */
  readonly send: (batch: readonly Pending<T, R>[]) => Promise<void>;
  readonly maxItems: number;
  readonly maxBytes?: number;
  readonly bytesOf?: (item: T) => number;
  /** Two items that share a key never travel in one batch: the later one waits for the next. */
  readonly keysOf?: (item: T) => readonly string[];
  /**
   * Shortest time between the starts of two batches while there is company: after a batch of several items the next one
   * waits for more, unless it is full. A caller who is alone never waits. Default 0.
   */
  readonly spacingMs?: number;
}

/**
 * Coalesces: at most one batch is in flight, and everything submitted meanwhile goes in the next one. So load makes the
 * batches, and an idle lane sends in the next turn. Where a batch costs far more than its items, `spacingMs` keeps a fast
 * receiver from making many small ones of them.
 */
export class Lane<T, R> {
  readonly #options: LaneOptions<T, R>;
  #queue: Pending<T, R>[] = [];
  #head = 0;
  #running: Promise<void> | null = null;
  #nextAtMs = 0;

  constructor(options: LaneOptions<T, R>) {
    this.#options = options;
  }

  submit(item: T): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      this.#queue.push({ item, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when everything submitted so far, and what follows it, was settled. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #run(): Promise<void> {
    // What one read of a socket brought (messages, requests) submits in one turn: the first batch takes all of it.
    await turn();
    while (this.#head < this.#queue.length) {
      await this.#companyArrives();
      const batch = this.#take();
      this.#nextAtMs = batch.length > 1 ? performance.now() + (this.#options.spacingMs ?? 0) : 0;
      try {
        await this.#options.send(batch);
        for (const entry of batch) entry.reject(new Error('The batch was sent without settling this item.'));
      } catch (error) {
        for (const entry of batch) entry.reject(error);
      }
    }
    this.#running = null;
  }

  async #companyArrives(): Promise<void> {
    const waitMs = this.#nextAtMs - performance.now();
    if (waitMs <= 0 || this.#queue.length - this.#head >= this.#options.maxItems) return;
    await new Promise<void>((resolve) => setTimeout(resolve, waitMs));
  }

  #take(): Pending<T, R>[] {
    const { maxItems, maxBytes = Infinity, bytesOf, keysOf } = this.#options;
    const batch: Pending<T, R>[] = [];
    const keys = new Set<string>();
    let bytes = 0;
    while (this.#head < this.#queue.length && batch.length < maxItems) {
      const entry = this.#queue[this.#head]!;
      const itemKeys = keysOf?.(entry.item) ?? [];
      bytes += bytesOf?.(entry.item) ?? 0;
      if (batch.length > 0 && (bytes > maxBytes || itemKeys.some((key) => keys.has(key)))) break;
      for (const key of itemKeys) keys.add(key);
      batch.push(entry);
      this.#head += 1;
    }
    // Dropping the sent prefix now and then keeps taking from the head cheap without holding on to old messages.
    if (this.#head === this.#queue.length) this.#queue = [];
    else if (this.#head > 4_096) this.#queue = this.#queue.slice(this.#head);
    else return batch;
    this.#head = 0;
    return batch;
  }
}
