/**
 * A task that many ask for and that answers all who asked before it began: at most one run is in flight, and asking
 * meanwhile makes exactly one more follow. No timers.
 */
export class Coalesced {
  readonly #task: () => Promise<void>;
  #running: Promise<void> | null = null;
  #again = false;

  constructor(task: () => Promise<void>) {
    this.#task = task;
  }

  /** The task must not reject: it reports its own failures. */
  ask(): void {
    if (this.#running) this.#again = true;
    else this.#running = this.#run();
  }

  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    do {
      this.#again = false;
      await this.#task();
    } while (this.#again);
    this.#running = null;
  }
}
