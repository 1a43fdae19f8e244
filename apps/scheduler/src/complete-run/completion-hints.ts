import type { Clock } from '#clock';
import { Limiter } from '#lanes/limiter';
import type { CompletionOutcome } from './completion-check.js';

interface HintedRun {
  isChecking: boolean;
  isHintedAgain: boolean;
  lastCheckMs: number;
  cancelTimer: (() => void) | null;
}

export interface CompletionHintsOptions {
  readonly check: (runId: string) => Promise<CompletionOutcome>;
  readonly failed: (runId: string, error: unknown) => void;
  readonly clock: Clock;
  /** Shortest time between two checks of one run. */
  readonly intervalMs: number;
}

const maxConcurrentChecks = 64;
/** Checks per second over all runs: with many runs active, each is checked less often than `intervalMs` would allow. */
const checksPerSecond = 2_000;
const forgetAfterMs = 10_000;

/**
 * Turns hints ("work of this run was acknowledged") into completion checks: the first at once, later ones throttled, and
 * always one after the last hint. At most one check per run is in flight.
 */
export class CompletionHints {
  readonly #options: CompletionHintsOptions;
  readonly #runs = new Map<string, HintedRun>();
  readonly #limiter = new Limiter(maxConcurrentChecks);
  readonly #inFlight = new Set<Promise<void>>();
  #isClosed = false;

  constructor(options: CompletionHintsOptions) {
    this.#options = options;
  }

  hint(runId: string): void {
    if (this.#isClosed) return;
    let run = this.#runs.get(runId);
    if (!run) {
      run = { isChecking: false, isHintedAgain: false, lastCheckMs: -Infinity, cancelTimer: null };
      this.#runs.set(runId, run);
    }
    if (run.isChecking) run.isHintedAgain = true;
    else if (run.cancelTimer === null) this.#schedule(runId, run);
  }

  /** Drops what is known of runs that were not hinted at for a while; call now and then. */
  forgetIdle(): void {
    const now = this.#options.clock.now();
    for (const [runId, run] of this.#runs) {
      const isIdle = !run.isChecking && run.cancelTimer === null && now - run.lastCheckMs > forgetAfterMs;
      if (isIdle) this.#runs.delete(runId);
    }
  }

  /** Checks nothing more; resolves when no check is in flight. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const run of this.#runs.values()) run.cancelTimer?.();
    this.#runs.clear();
    await Promise.all(this.#inFlight);
  }

  #schedule(runId: string, run: HintedRun): void {
    const { clock, intervalMs } = this.#options;
    const spacingMs = Math.max(intervalMs, (this.#runs.size / checksPerSecond) * 1_000);
    const waitMs = run.lastCheckMs + spacingMs - clock.now();
    if (waitMs <= 0) return this.#start(runId, run);
    run.cancelTimer = clock.setTimer(waitMs, () => {
      run.cancelTimer = null;
      this.#start(runId, run);
    });
  }

  #start(runId: string, run: HintedRun): void {
    run.isChecking = true;
    const checking = this.#limiter.run(() => this.#check(runId, run));
    this.#inFlight.add(checking);
    void checking.finally(() => this.#inFlight.delete(checking));
  }

  async #check(runId: string, run: HintedRun): Promise<void> {
    run.isHintedAgain = false;
    run.lastCheckMs = this.#options.clock.now();
    let outcome: CompletionOutcome = 'outstanding';
    try {
      outcome = await this.#options.check(runId);
    } catch (error) {
      this.#options.failed(runId, error);
    }
    run.isChecking = false;
    if (outcome === 'finished') this.#runs.delete(runId);
    else if (run.isHintedAgain && !this.#isClosed) this.#schedule(runId, run);
  }
}
