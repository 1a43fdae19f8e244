import { Limiter } from '#lanes/limiter';

/**
 * Bounds how many offered first slices are read at a time. One whose pages run where they were read keeps its place until
 * they are done, unless that takes so long that {@link FirstReads.over} says its source is read.
 */
export class FirstReads {
  readonly #limiter: Limiter;
  readonly #open = new Map<string, () => void>();

  constructor(limit: number) {
    this.#limiter = new Limiter(limit);
  }

  /** Settles as the work does. */
  run<T>(runId: string, work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      void this.#limiter.run(async () => {
        const isRead = new Promise<void>((over) => this.#open.set(runId, over));
        const done = work().then(resolve, reject);
        await Promise.race([done, isRead]);
        this.#open.delete(runId);
      });
    });
  }

  /** The source of the run is read: its place is free. */
  over(runId: string): void {
    this.#open.get(runId)?.();
  }
}
