import type { Bus } from '#bus';
import { signals } from '#contracts';
import { isFinal } from '#model';
import type { Jobs } from '#store';
import type { Clock } from '#clock';
import type { CompletionCheck } from '../complete-run/completion-check.js';

export interface CancelRunDeps {
  readonly bus: Pick<Bus, 'signal'>;
  readonly jobs: Pick<Jobs, 'getAny'>;
  readonly completion: Pick<CompletionCheck, 'check'>;
  readonly clock: Clock;
  /** How often executors are told. */
  readonly repeatMs: number;
}

/**
 * Tells executors, again and again, that a run was canceled, until its work has drained; then the run is finished.
 * Executors that start later hear of it too. Reference: decision 6.
 */
export class CancelRun {
  readonly #deps: CancelRunDeps;

  constructor(deps: CancelRunDeps) {
    this.#deps = deps;
  }

  /**
   * @param stillMine called between two tellings; keeps the claim on this cancel
   * @returns false when the signal aborted first, and someone else must go on
   */
  async cancel(runId: string, stillMine: () => Promise<void>, closing: AbortSignal): Promise<boolean> {
    while (!(await this.#hasEnded(runId))) {
      await stillMine();
      try {
        await this.#deps.clock.sleep(this.#deps.repeatMs, closing);
      } catch {
        return false; // aborted: the only way a sleep rejects
      }
    }
    return true;
  }

  /** A run that is canceled while it waits never had work; the store made it final at once. */
  async #hasEnded(runId: string): Promise<boolean> {
    const { bus, jobs, completion } = this.#deps;
    const run = await jobs.getAny(runId);
    if (!run || isFinal(run.status) || run.status === 'queued') return true;
    bus.signal(signals.runCanceled, runId);
    return (await completion.check(runId)) === 'finished';
  }
}
