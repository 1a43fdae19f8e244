import type { FlowPlan } from '#engine';
import type { Jobs, Plans } from '#store';
import { Recent } from '#lanes/recent';

export interface RunPlan {
  readonly planId: string;
  readonly plan: FlowPlan;
}

/** Plans of started runs: as remembered by the process that started them, else from the store. Both are immutable. */
export class RunPlans {
  readonly #jobs: Pick<Jobs, 'planOf'>;
  readonly #plans: Pick<Plans, 'get'>;
  readonly #planIds = new Recent<string>(50_000);
  readonly #known = new Recent<FlowPlan>(1_000);

  constructor(jobs: Pick<Jobs, 'planOf'>, plans: Pick<Plans, 'get'>) {
    this.#jobs = jobs;
    this.#plans = plans;
  }

  note(runId: string, planId: string, plan: FlowPlan): void {
    this.#planIds.set(runId, planId);
    this.#known.set(planId, plan);
  }

  /** @returns null for a run that was never started */
  async get(runId: string): Promise<RunPlan | null> {
    const planId = this.#planIds.get(runId) ?? (await this.#jobs.planOf(runId))?.planId;
    if (planId === undefined) return null;
    const plan = this.#known.get(planId) ?? (await this.#plans.get(planId));
    if (!plan) return null;
    this.note(runId, planId, plan);
    return { planId, plan };
  }
}
