import type { Bus } from '#bus';
import { signals } from '#contracts';
import type { JobRow, Jobs, Plans } from '#store';
import { runCodes } from '#store/codes';
import { checkInput } from '#engine/input/index';
import { startSpan } from '#telemetry';
import type { Clock } from '#clock';
import { Recent } from '../recent.js';
import type { RunPlans } from '../run-plans.js';
import type { SchedulerTelemetry } from '../telemetry.js';
import { firstWork, publishFirstWork } from './first-work.js';
import { childrenOf } from './plan.js';
import type { PlanCache } from './plan-cache.js';
import { parseRunRequest, type RunRequest } from './run-request.js';

export type StartRunOutcome =
  | 'started'
  /** The flow runs already; the run stays queued and is started when there is room (decision 5). */
  | 'busy'
  /** Someone else started, refused or canceled it. */
  | 'gone'
  | 'refused';

export interface StartRunDeps {
  readonly bus: Pick<Bus, 'publish' | 'publishAtomic' | 'signal'>;
  readonly jobs: Pick<Jobs, 'getAny' | 'start' | 'refuse'>;
  readonly storedPlans: Pick<Plans, 'put'>;
  readonly plans: PlanCache;
  readonly runPlans: RunPlans;
  readonly clock: Clock;
  readonly telemetry: SchedulerTelemetry;
}

/**
 * Turns a queued job into a run: takes the snapshot of its flow, marks the job as running and publishes its first work.
 *
 * Any number of callers may try at any time; the store lets one win. Should the winner die before its work is
 * published, the completion sweep publishes the same messages again (complete-run).
 */
export class StartRun {
  readonly #deps: StartRunDeps;
  /** Plans known to be stored: content-addressed, so one write each is enough. */
  readonly #stored = new Recent<true>(10_000);

  constructor(deps: StartRunDeps) {
    this.#deps = deps;
  }

  async start(queued: {
    readonly accountId: string;
    readonly flowId: string;
    readonly jobId: string;
  }): Promise<StartRunOutcome> {
    const { jobs, plans } = this.#deps;
    const { jobId } = queued;
    const [job] = await Promise.all([jobs.getAny(jobId), plans.prepare(queued.accountId, queued.flowId)]);
    if (!job || job.status !== 'queued') return 'gone';
    const flowId = job._flowId;
    const request = parseRunRequest(job.request);
    const span = startSpan('millrace.run.start', {
      role: 'consumer',
      traceparent: request.traceparent ?? undefined,
      attributes: { 'millrace.run.id': jobId, 'millrace.flow.id': flowId },
    });
    try {
      return await this.#startTraced(job, request, span.traceparent);
    } finally {
      span.end();
    }
  }

  async #startTraced(job: JobRow, { exportIds, input }: RunRequest, traceparent: string): Promise<StartRunOutcome> {
    const { bus, jobs, plans, clock, telemetry } = this.#deps;
    const { _id: jobId, accountId, _flowId: flowId } = job;
    const outcome = await plans.plan(accountId, flowId, exportIds);
    if (!outcome)
      return this.#refuse(jobId, flowId, { code: 'invalid_flow', message: 'The flow does not exist any more.' });
    if ('refusal' in outcome) return this.#refuse(jobId, flowId, outcome.refusal);
    const { planId, plan, routers } = outcome.runnable;
    // The flow may have got another schema since the run was asked for.
    const [wrong] = checkInput(plan.flow, input);
    if (wrong) return this.#refuse(jobId, flowId, { code: runCodes.invalid_input.code, message: wrong.message });
    // Invariant: the plan is durable before anybody can see a run that names it.
    if (!this.#stored.has(planId)) {
      await this.#deps.storedPlans.put(planId, accountId, plan);
      this.#stored.set(planId, true);
    }
    const started = await jobs.start(jobId, planId, childrenOf(outcome.runnable, clock.now()), routers);
    if (started !== 'started') return started;
    this.#deps.runPlans.note(jobId, planId, plan);
    await publishFirstWork(bus, firstWork({ runId: jobId, accountId, flowId, planId, traceparent }, plan));
    bus.signal(signals.jobChanged, jobId);
    telemetry.runStarted({ runId: jobId, flowId, triggeredBy: job.triggeredBy });
    return 'started';
  }

  async #refuse(
    jobId: string,
    flowId: string,
    reason: { readonly code: string; readonly message: string },
  ): Promise<'refused'> {
    await this.#deps.jobs.refuse(jobId, reason);
    this.#deps.bus.signal(signals.jobFinal, jobId);
    this.#deps.telemetry.runRefused({ runId: jobId, flowId, ...reason });
    return 'refused';
  }
}
