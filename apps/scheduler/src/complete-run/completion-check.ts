import { dedupeWindowMs, type Bus } from '#bus';
import { isFinal } from '#model';
import type { JobRow, Jobs } from '#store';
import type { Stream } from '#stream';
import type { Clock } from '#clock';
import { Recent } from '#lanes/recent';
import type { RunPlans } from '../run-plans.js';
import type { SchedulerTelemetry } from '../telemetry.js';
import { finishRun } from './finish-run.js';
import { resumeRun } from './resume-run.js';

export type CompletionOutcome =
  /** the broker still holds messages of the run, or does again */
  | 'outstanding'
  /** the finished marker is stored, or the run is final */
  | 'finished';

export interface CompletionCheckDeps {
  readonly bus: Pick<Bus, 'outstanding' | 'publish' | 'publishAtomic'>;
  readonly stream: Pick<Stream, 'produce'>;
  readonly jobs: Pick<Jobs, 'getAny'>;
  readonly runPlans: RunPlans;
  readonly clock: Clock;
  readonly telemetry: SchedulerTelemetry;
}

/** First work is published again only this long after the start: well within the time for which ids are remembered. */
const resumeWithinMs = dedupeWindowMs - 2 * 60_000;
/**
 * First work that was only offered (start-run) is left alone for so long after the last sign of it: as long as a lease of
 * an executor lasts, which says so three times in that time while it reads.
 */
const untakenMs = 10_000;
/** A marker is repeated when its run is still not final after this long. */
const repeatMarkerMs = 30_000;

/**
 * Decides whether a run is complete: nothing of it is left on the bus, and something once was.
 *
 * "Nothing left" is the broker's word and exact. "Something once was" keeps a run from looking complete between its start
 * in the database and the publish of its first pages, or for ever should a scheduler or an executor die in that time. An
 * acknowledgement of its work (a hint) proves it, and so do pages in its counts. Without a proof, and without a sign of
 * life for some time, the first work is published (again), under the ids it has: if the bus is still empty of the run
 * after that, those ids were known, so the work had been there and is done. Pages that somebody publishes nevertheless,
 * late, carry ids of their own that exist once: the second reading of a slice is void. Once the bus may have forgotten the ids, a repeat could read the source twice; the run is then finished as it
 * is, and the ledger's audit fails it visibly if its generators never reported.
 */
export class CompletionCheck {
  readonly #deps: CompletionCheckDeps;
  readonly #worked = new Recent<true>(50_000);
  readonly #heldAtMs = new Recent<number>(50_000);
  readonly #markedAtMs = new Recent<number>(50_000);

  constructor(deps: CompletionCheckDeps) {
    this.#deps = deps;
  }

  /** Some work of the run was acknowledged, so it must have been published. */
  noteWork(runId: string): void {
    if (!this.#worked.has(runId)) this.#worked.set(runId, true);
  }

  /** An executor is reading the run's first slice, of which nothing is on the bus yet. */
  noteHeld(runId: string): void {
    this.#heldAtMs.set(runId, this.#deps.clock.now());
  }

  /** Any number of callers may check a run at a time: a second marker has no effect. */
  async check(runId: string): Promise<CompletionOutcome> {
    if (this.#isMarked(runId)) return 'finished';
    const { jobs, stream, clock } = this.#deps;
    if (await this.#isOutstanding(runId)) return 'outstanding';
    const run = await jobs.getAny(runId);
    if (!run || isFinal(run.status)) return 'finished';
    if (run.status === 'queued') return 'outstanding';
    if (!this.#hasWorked(run)) {
      if (this.#maybeHeld(run) || (await this.#resumed(run))) return 'outstanding';
    }
    await finishRun(stream, clock, run);
    this.#markedAtMs.set(runId, clock.now());
    return 'finished';
  }

  #hasWorked(run: JobRow): boolean {
    return this.#worked.has(run._id) || run.numPagesGenerated > 0;
  }

  /** Whether some executor may have the first slice in its hands. */
  #maybeHeld(run: JobRow): boolean {
    const lastSignMs = Math.max(startOf(run), this.#heldAtMs.get(run._id) ?? 0);
    return this.#deps.clock.now() - lastSignMs < untakenMs;
  }

  /** @returns whether the run has work on the bus after its first work was published again */
  async #resumed(run: JobRow): Promise<boolean> {
    if (this.#deps.clock.now() - startOf(run) > resumeWithinMs) return false;
    await resumeRun(this.#deps, run);
    if (!(await this.#isOutstanding(run._id))) return false;
    this.#deps.telemetry.runResumed({ runId: run._id, flowId: run._flowId });
    return true;
  }

  async #isOutstanding(runId: string): Promise<boolean> {
    return (await this.#deps.bus.outstanding(runId)).total > 0;
  }

  #isMarked(runId: string): boolean {
    const markedAtMs = this.#markedAtMs.get(runId);
    return markedAtMs !== undefined && this.#deps.clock.now() - markedAtMs < repeatMarkerMs;
  }
}

function startOf(run: JobRow): number {
  return Date.parse(run.startedAt ?? run.createdAt);
}
