interface Waiter {
  readonly bytes: number;
  resolve(): void;
}

/**
 * Bounds what is worked on at a time in bytes (P5), and keeps room for others: a run may take as much as is still free,
 * so that one run alone gets half of the budget, n runs an equal share of n/(n+1), and a new run always finds some.
 * Within a run first come, first served. Whatever its size, a run's first item passes while anything is free.
 *
 * @see Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet switches" (1998)
 */
export class ByteBudget {
  readonly #maxBytes: number;
  readonly #usedByRun = new Map<string, number>();
  readonly #waiting = new Map<string, Waiter[]>();
  #used = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get used(): number {
    return this.#used;
  }

  async take(runId: string, bytes: number): Promise<void> {
    const queue = this.#waiting.get(runId);
    if (queue === undefined && this.#fits(runId, bytes)) return this.#book(runId, bytes);
    await new Promise<void>((resolve) => {
      if (queue) queue.push({ bytes, resolve });
      else this.#waiting.set(runId, [{ bytes, resolve }]);
    });
  }

  give(runId: string, bytes: number): void {
    this.#used -= bytes;
    const used = (this.#usedByRun.get(runId) ?? 0) - bytes;
    if (used > 0) this.#usedByRun.set(runId, used);
    else this.#usedByRun.delete(runId);
    for (const [waitingRun, queue] of this.#waiting) {
      while (queue.length > 0 && this.#fits(waitingRun, queue[0]!.bytes)) {
        const next = queue.shift()!;
        this.#book(waitingRun, next.bytes);
        next.resolve();
      }
      if (queue.length === 0) this.#waiting.delete(waitingRun);
    }
  }

  #fits(runId: string, bytes: number): boolean {
    const usedByRun = this.#usedByRun.get(runId) ?? 0;
    const free = this.#maxBytes - this.#used;
    return usedByRun === 0 ? free > 0 : usedByRun + bytes <= free;
  }

  #book(runId: string, bytes: number): void {
    this.#used += bytes;
    this.#usedByRun.set(runId, (this.#usedByRun.get(runId) ?? 0) + bytes);
  }
}
