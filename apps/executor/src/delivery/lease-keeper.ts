import type { Clock } from '#connectors';
import type { Delivery } from '#bus';

/**
 * Renews the leases of everything this executor holds, from the main thread, which no page can block.
 */
export class LeaseKeeper {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #reportError: (error: unknown, doing: string) => void;
  /** delivery → when its lease is due for renewal */
  readonly #held = new Map<Delivery, number>();
  #isRunning = false;

  constructor(clock: Clock, leaseMs: number, reportError: (error: unknown, doing: string) => void) {
    this.#clock = clock;
    this.#everyMs = leaseMs / 3;
    this.#reportError = reportError;
  }

  get held(): number {
    return this.#held.size;
  }

  hold(delivery: Delivery): void {
    this.#held.set(delivery, this.#clock.now() + this.#everyMs);
    void this.#run();
  }

  release(delivery: Delivery): void {
    this.#held.delete(delivery);
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (this.#held.size > 0) {
        await this.#clock.sleep(this.#everyMs / 4);
        const now = this.#clock.now();
        for (const [delivery, dueMs] of this.#held) {
          if (dueMs > now) continue;
          this.#held.set(delivery, now + this.#everyMs);
          // A renewal that fails costs at most a second delivery, which the derived ids make harmless.
          delivery.extend().catch((error: unknown) => this.#reportError(error, 'renewing a lease'));
        }
      }
    } finally {
      this.#isRunning = false;
    }
  }
}
