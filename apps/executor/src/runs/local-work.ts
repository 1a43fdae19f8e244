import { signals } from '#contracts';
import type { Bus } from '#bus';
import type { Handled } from '../delivery/handled.js';

const laterMs = 100;

/**
 * Counts what this executor holds of each run. When it has acknowledged the last of it, the scheduler may want to know:
 * the run could be complete. Hints coalesce per turn of the event loop; a lost one is made up for by the scheduler's sweep.
 */
export class LocalWork {
  readonly #bus: Pick<Bus, 'signal'>;
  readonly #held = new Map<string, number>();
  readonly #hints = new Set<string>();
  /** runs of which something ended here without a successor since the last hint */
  readonly #finished = new Set<string>();
  #later = new Set<string>();
  readonly #listeners = new Map<string, Set<() => void>>();

  constructor(bus: Pick<Bus, 'signal'>) {
    this.#bus = bus;
  }

  began(runId: string): void {
    this.#held.set(runId, (this.#held.get(runId) ?? 0) + 1);
  }

  ended(runId: string, outcome: Handled): void {
    const held = (this.#held.get(runId) ?? 1) - 1;
    if (held > 0) this.#held.set(runId, held);
    else this.#held.delete(runId);
    if (outcome === 'continued') return this.#hintLater(runId);
    if (outcome === 'closed') return this.#forget(runId);
    if (outcome !== 'later') {
      this.#finished.add(runId);
      for (const listener of this.#listeners.get(runId) ?? []) listener();
    }
    if (held <= 0 && this.#finished.delete(runId)) this.#hint(runId);
  }

  /** Nobody has to ask about this run any more. */
  #forget(runId: string): void {
    this.#finished.delete(runId);
    this.#later.delete(runId);
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

  /**
   * What was just published keeps the run going; only when that was done elsewhere before our acknowledgement arrived,
   * nobody else would hint. So this one comes late, when most runs need it no more.
   */
  #hintLater(runId: string): void {
    if (this.#later.size === 0) {
      setTimeout(() => {
        const runIds = this.#later;
        this.#later = new Set();
        for (const id of runIds) {
          this.#finished.delete(id);
          if (!this.#held.has(id)) this.#hint(id);
        }
      }, laterMs).unref();
    }
    this.#later.add(runId);
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
