import { signals } from '#contracts';
import type { Bus } from '#bus';

/**
 * Counts what this executor holds of each run. When it has acknowledged the last of it, the scheduler may want to know:
 * the run could be complete. Hints coalesce per turn of the event loop; a lost one is made up for by the scheduler's sweep.
 */
export class LocalWork {
  readonly #bus: Pick<Bus, 'signal'>;
  readonly #held = new Map<string, number>();
  readonly #hints = new Set<string>();
  readonly #listeners = new Map<string, Set<() => void>>();

  constructor(bus: Pick<Bus, 'signal'>) {
    this.#bus = bus;
  }

  began(runId: string): void {
    this.#held.set(runId, (this.#held.get(runId) ?? 0) + 1);
  }

  /** @param isAcknowledged false when the message was handed back */
  ended(runId: string, isAcknowledged: boolean): void {
    const held = (this.#held.get(runId) ?? 1) - 1;
    if (held > 0) this.#held.set(runId, held);
    else this.#held.delete(runId);
    if (!isAcknowledged) return;
    for (const listener of this.#listeners.get(runId) ?? []) listener();
    if (held <= 0) this.#hint(runId);
  }

  /** Resolves at the next acknowledgement of the run here, or when the signal aborts. */
  nextAcknowledged(runId: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const listeners = this.#listeners.get(runId) ?? new Set();
      this.#listeners.set(runId, listeners);
      const done = (): void => {
        listeners.delete(done);
        if (listeners.size === 0 && this.#listeners.get(runId) === listeners) this.#listeners.delete(runId);
        signal.removeEventListener('abort', done);
        resolve();
      };
      listeners.add(done);
      if (signal.aborted) done();
      else signal.addEventListener('abort', done, { once: true });
    });
  }

  #hint(runId: string): void {
    if (this.#hints.size === 0) {
      setImmediate(() => {
        const runIds = [...this.#hints].filter((id) => !this.#held.has(id));
        this.#hints.clear();
        if (runIds.length > 0) this.#bus.signal(signals.workAcked, runIds.join(' '));
      });
    }
    this.#hints.add(runId);
  }
}
