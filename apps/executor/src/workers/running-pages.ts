import type { Clock } from '#connectors';

const longMs = 250;

/**
 * Pages that run where they were read. Most are done in a moment; of those that take longer the main thread is told, so
 * that a slow destination does not keep others' sources from being read (P5). One clock for all of them: a page costs an
 * entry in a map, no timer.
 */
export class RunningPages {
  readonly #clock: Pick<Clock, 'now' | 'sleep'>;
  readonly #tell: (runId: string) => void;
  /** runs by when their pages began, epoch ms; oldest first, those that were told of left out */
  readonly #began = new Map<string, number>();
  #isWatching = false;

  constructor(clock: Pick<Clock, 'now' | 'sleep'>, tell: (runId: string) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** @returns to be called when the run's pages are done */
  began(runId: string): () => void {
    this.#began.set(runId, this.#clock.now());
    void this.#watch();
    return () => void this.#began.delete(runId);
  }

  async #watch(): Promise<void> {
    if (this.#isWatching) return;
    this.#isWatching = true;
    try {
      while (this.#began.size > 0) {
        await this.#clock.sleep(longMs);
        const before = this.#clock.now() - longMs;
        for (const [runId, atMs] of this.#began) {
          if (atMs > before) break;
          this.#began.delete(runId);
          this.#tell(runId);
        }
      }
    } finally {
      this.#isWatching = false;
    }
  }
}
