import type { Bus } from '#bus';
import { ContractError, offers, queuedRuns, type QueuedRun } from '#contracts';
import type { SchedulerTelemetry } from '../telemetry.js';
import type { StartRun } from './start-run.js';

export interface TakeRunsDeps {
  readonly bus: Pick<Bus, 'onOffer'>;
  readonly startRun: Pick<StartRun, 'start'>;
  readonly telemetry: SchedulerTelemetry;
  /** Runs being started at a time; the sweep starts what is beyond (P5). */
  readonly maxInFlight: number;
}

/** Starts runs as they are announced. Whatever goes wrong here, the sweep of queued runs comes by. */
export class TakeRuns {
  readonly #deps: TakeRunsDeps;
  readonly #inFlight = new Set<Promise<void>>();
  #stop: (() => void) | null = null;

  constructor(deps: TakeRunsDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#stop ??= this.#deps.bus.onOffer(offers.runsQueued, (payload) => this.#take(payload));
  }

  /** Takes no more; resolves when those taken are started. */
  async drain(): Promise<void> {
    this.#stop?.();
    this.#stop = null;
    await Promise.all(this.#inFlight);
  }

  #take(payload: string): void {
    for (const run of this.#read(payload)) {
      if (this.#inFlight.size >= this.#deps.maxInFlight) return;
      const starting = this.#startRun(run).finally(() => this.#inFlight.delete(starting));
      this.#inFlight.add(starting);
    }
  }

  #read(payload: string): readonly QueuedRun[] {
    try {
      return queuedRuns.decode(Buffer.from(payload)).runs;
    } catch (error) {
      if (!(error instanceof ContractError)) throw error;
      this.#deps.telemetry.failed('an announcement of runs was not understood', error);
      return [];
    }
  }

  async #startRun(run: QueuedRun): Promise<void> {
    try {
      await this.#deps.startRun.start(run);
    } catch (error) {
      this.#deps.telemetry.failed('a run could not be started; trying again', error, { runId: run.jobId });
    }
  }
}
