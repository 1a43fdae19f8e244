import type { ActiveRun, Jobs } from '#store';
import { Limiter } from '#lanes/limiter';
import type { StartRun } from '../start-run/start-run.js';
import type { SchedulerTelemetry } from '../telemetry.js';

export interface StartQueuedDeps {
  readonly jobs: Pick<Jobs, 'startable'>;
  readonly startRun: Pick<StartRun, 'start'>;
  readonly telemetry: SchedulerTelemetry;
}

const maxRuns = 1_000;
const maxConcurrent = 64;

/** Starts queued runs whose flow has room, without waiting for a command. */
export class StartQueued {
  readonly #deps: StartQueuedDeps;
  #seenBefore = new Set<string>();

  constructor(deps: StartQueuedDeps) {
    this.#deps = deps;
  }

  /** Runs have just ended: what had to wait for one of them starts now. */
  async startHeldBack(): Promise<void> {
    await this.#start(await this.#deps.jobs.startable(maxRuns, 'heldBack'));
  }

  /** Makes up for lost commands: what could have been started at the last sweep already and still waits. */
  async sweep(): Promise<void> {
    const runs = await this.#deps.jobs.startable(maxRuns);
    const overdue = runs.filter((run) => this.#seenBefore.has(run.jobId));
    this.#seenBefore = new Set(runs.map((run) => run.jobId));
    await this.#start(overdue);
  }

  async #start(runs: readonly ActiveRun[]): Promise<void> {
    const limiter = new Limiter(maxConcurrent);
    await Promise.all(
      runs.map((run) =>
        limiter.run(async () => {
          try {
            await this.#deps.startRun.start(run);
          } catch (error) {
            this.#deps.telemetry.failed('a queued run could not be started; trying again', error, { runId: run.jobId });
          }
        }),
      ),
    );
  }
}
