import type { Jobs } from '#store';
import type { Clock } from '#clock';
import { Limiter } from '../limiter.js';
import type { CompletionOutcome } from './completion-check.js';

export interface CompletionSweepOptions {
  readonly jobs: Pick<Jobs, 'activeRuns'>;
  readonly check: (runId: string) => Promise<CompletionOutcome>;
  readonly failed: (runId: string, error: unknown) => void;
  readonly clock: Clock;
  /** Time until a run is looked at for the first time, and the shortest between two looks. */
  readonly intervalMs: number;
}

const maxRuns = 10_000;
const maxChecksPerSweep = 500;
const maxConcurrentChecks = 16;
/** A run with work left is looked at less and less often, down to this: what a lost hint costs at most. */
const longestPauseMs = 5_000;

/** Looks at active runs now and then, in case the hints that their last work was acknowledged were lost. */
export class CompletionSweep {
  readonly #options: CompletionSweepOptions;
  #dueAtMs = new Map<string, { atMs: number; pauseMs: number }>();

  constructor(options: CompletionSweepOptions) {
    this.#options = options;
  }

  async sweep(): Promise<void> {
    const { jobs, clock, intervalMs } = this.#options;
    const active = await jobs.activeRuns(maxRuns);
    const now = clock.now();
    const known = this.#dueAtMs;
    this.#dueAtMs = new Map();
    for (const { jobId } of active) {
      this.#dueAtMs.set(jobId, known.get(jobId) ?? { atMs: now + intervalMs, pauseMs: intervalMs });
    }
    const due = [...this.#dueAtMs].filter(([, look]) => look.atMs <= now).sort(([, a], [, b]) => a.atMs - b.atMs);
    const limiter = new Limiter(maxConcurrentChecks);
    await Promise.all(
      due.slice(0, maxChecksPerSweep).map(([runId, look]) => limiter.run(() => this.#look(runId, look))),
    );
  }

  async #look(runId: string, look: { atMs: number; pauseMs: number }): Promise<void> {
    look.atMs = this.#options.clock.now() + look.pauseMs;
    look.pauseMs = Math.min(look.pauseMs * 2, longestPauseMs);
    try {
      await this.#options.check(runId);
    } catch (error) {
      this.#options.failed(runId, error);
    }
  }
}
