import type { FlowPlan } from '#engine';
import type { JobRow, Store } from '#store';
import { tightestLimit } from '../limits/connection-limit.js';
import { Lru } from '../workers/lru.js';
import type { Introduction, RunSpec } from '../workers/protocol.js';
import { deltaWindow } from './delta-window.js';
import { generatorsOf } from './generators.js';

/** A run as the main thread knows it; loaded once, kept while there is work for it. */
export interface RunInfo {
  readonly spec: RunSpec;
  /** What a worker must be told before it can work for the run. */
  readonly introduction: Introduction;
  /** export ids by ordinal */
  readonly generators: readonly string[];
  readonly runsGeneratorsInParallel: boolean;
  /** an import wants to hear of the files it wrote */
  readonly aggregates: boolean;
  /** fewest requests that any connection of the flow allows at a time */
  readonly tightestLimit: number;
  /** epoch ms */
  readonly startedAtMs: number;
  isCanceled: boolean;
}

/** Why a run cannot be worked for: its rows are not there. Never the reason for a lost message. */
export type RunUnknown = { readonly unknown: 'run' | 'plan' };

/** What a run needs of its row. */
export type RunRow = Pick<
  JobRow,
  '_id' | 'accountId' | '_flowId' | 'type' | 'status' | 'request' | 'createdAt' | 'startedAt'
>;

type RunStore = Pick<Store, 'jobs' | 'plans' | 'checkpoints'>;

interface StoredPlan {
  readonly plan: FlowPlan;
  readonly text: string;
}

const maxRuns = 1_000;
/** As many as a worker keeps compiled. */
const maxPlans = 500;

export class RunDirectory {
  readonly #store: RunStore;
  readonly #runs = new Lru<string, Promise<RunInfo | RunUnknown>>(maxRuns);
  readonly #plans = new Lru<string, Promise<StoredPlan | null>>(maxPlans);
  /** canceled before the run was loaded here */
  readonly #canceled = new Lru<string, true>(maxRuns);

  constructor(store: RunStore) {
    this.#store = store;
  }

  /**
   * @param told what its row says, if that is known already
   * @throws whatever the store throws; asked again the next time then
   */
  find(runId: string, planId: string, told?: RunRow): Promise<RunInfo | RunUnknown> {
    let run = this.#runs.get(runId);
    if (!run) {
      run = this.#load(runId, planId, told);
      this.#runs.set(runId, run);
      run.then(
        (found) => 'unknown' in found && this.#runs.delete(runId),
        () => this.#runs.delete(runId),
      );
    }
    return run;
  }

  /** No new request of this run is to be sent (decision 6). */
  async cancel(runId: string): Promise<void> {
    this.#canceled.set(runId, true);
    const run = await this.#runs.get(runId)?.catch(() => undefined);
    if (run && 'spec' in run) run.isCanceled = true;
  }

  async #load(runId: string, planId: string, told: RunRow | undefined): Promise<RunInfo | RunUnknown> {
    const [job, known] = await Promise.all([told ?? this.#store.jobs.getAny(runId), this.#planOf(planId)]);
    if (!job) return { unknown: 'run' };
    if (!known) return { unknown: 'plan' };
    const { plan, text } = known;
    const window = await deltaWindow(plan, job, this.#store.checkpoints);
    const { input } = job.request;
    const spec: RunSpec = {
      runId,
      accountId: job.accountId,
      flowId: job._flowId,
      planId,
      job: {
        _id: job._id,
        type: job.type,
        startedAt: job.startedAt ?? job.createdAt,
        ...(input === undefined ? {} : { input }),
      },
      testMode: job.request['testMode'] === true,
      ...window,
    };
    return {
      spec,
      introduction: { run: spec, plan: text },
      generators: generatorsOf(plan),
      runsGeneratorsInParallel: plan.flow.runPageGeneratorsInParallel === true,
      aggregates: Object.values(plan.imports).some(({ hooks }) => hooks?.postAggregate?.function !== undefined),
      tightestLimit: tightestLimit(plan),
      startedAtMs: Date.parse(job.startedAt ?? job.createdAt),
      isCanceled: job.status === 'canceling' || job.status === 'canceled' || this.#canceled.get(runId) === true,
    };
  }

  /** A plan never changes, so its runs share it. */
  #planOf(planId: string): Promise<StoredPlan | null> {
    let plan = this.#plans.get(planId);
    if (!plan) {
      plan = this.#store.plans.get(planId).then((stored) => stored && { plan: stored, text: JSON.stringify(stored) });
      this.#plans.set(planId, plan);
      plan.then(
        (stored) => stored ?? this.#plans.delete(planId),
        () => this.#plans.delete(planId),
      );
    }
    return plan;
  }
}
