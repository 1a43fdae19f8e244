import type { Jobs } from '#store';
import type { Clock } from '#clock';
import { Limiter } from '#lanes/limiter';
import type { CompletionOutcome } from './completion-check.js';

export interface CompletionSweepOptions {
  readonly jobs: Pick<Jobs, 'activeRuns'>;
  readonly check: (runId: string) => Promise<CompletionOutcome>;
  readonly failed: (runId: string, error: unknown) => void;
  readonly clock: Clock;
}

const maxRuns = 10_000;
const maxChecksPerSweep = 500;
const maxConcurrentChecks = 16;
/**
 * From when a run is first seen to the first look, and between two looks: what a lost hint costs at most. Most runs are
 * over by then, and need none.
 */
const pauseMs = 5_000;

/** Looks at active runs now and then, in case the hints that their last work was acknowledged were lost. */
export class CompletionSweep {
  readonly #options: CompletionSweepOptions;
  #looks = new Map<string, { dueAtMs: number }>();

  constructor(options: CompletionSweepOptions) {
    this.#options = options;
  }

  async sweep(): Promise<void> {
    const { jobs, clock } = this.#options;
    const active = await jobs.activeRuns(maxRuns);
    const now = clock.now();
    const known = this.#looks;
    this.#looks = new Map(active.map(({ jobId }) => [jobId, known.get(jobId) ?? { dueAtMs: now + pauseMs }]));
    const due = [...this.#looks]
      .filter(([, { dueAtMs }]) => dueAtMs <= now)
      .sort(([, a], [, b]) => a.dueAtMs - b.dueAtMs);
    const limiter = new Limiter(maxConcurrentChecks);
    await Promise.all(
      due.slice(0, maxChecksPerSweep).map(([runId, look]) => limiter.run(() => this.#look(runId, look))),
    );
  }

  async #look(runId: string, look: { dueAtMs: number }): Promise<void> {
    look.dueAtMs = this.#options.clock.now() + pauseMs;
    try {
      await this.#options.check(runId);
    } catch (error) {
      this.#options.failed(runId, error);
    }
  }
}
