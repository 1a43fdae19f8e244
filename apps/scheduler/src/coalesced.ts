import type { Clock } from '#clock';

export interface CoalescedOptions {
  /** Must not reject: it reports its own failures. */
  readonly task: () => Promise<void>;
  readonly clock: Clock;
  /** Shortest time between the starts of two runs. */
  readonly spacingMs: number;
  /** From its abort on nobody waits for the time to pass. */
  readonly closing: AbortSignal;
}

/**
 * A task that many ask for and that answers all who asked before it began: at most one run is in flight, and asking
 * meanwhile makes exactly one more follow. Whoever asks after a while of quiet is answered at once.
 */
export class Coalesced {
  readonly #options: CoalescedOptions;
  #running: Promise<void> | null = null;
  #again = false;
  #startedAtMs = -Infinity;

  constructor(options: CoalescedOptions) {
    this.#options = options;
  }

  ask(): void {
    if (this.#running) this.#again = true;
    else this.#running = this.#run();
  }

  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    const { task, clock, spacingMs, closing } = this.#options;
    do {
      const waitMs = this.#startedAtMs + spacingMs - clock.now();
      if (waitMs > 0) await clock.sleep(waitMs, closing).catch(() => undefined);
      this.#again = false;
      this.#startedAtMs = clock.now();
      await task();
    } while (this.#again);
    this.#running = null;
  }
}
