import type { Bus } from '#bus';
import { TurnBatch } from '#lanes/turn-batch';
import { firstSlices, offers, signals, type FirstSlice, type QueuedRun } from '#contracts';
import type { Jobs, Plans } from '#store';
import { runCodes } from '#store/codes';
import { checkInput } from '#engine/input/index';
import { startSpan } from '#telemetry';
import type { Clock } from '#clock';
import { nothingFollows } from '../chains/follow-runs.js';
import { Recent } from '#lanes/recent';
import type { RunPlans } from '../run-plans.js';
import type { SchedulerTelemetry } from '../telemetry.js';
import { firstGenerators, firstWork } from './first-work.js';
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
  readonly bus: Pick<Bus, 'publishAtomic' | 'signal' | 'offer'>;
  readonly jobs: Pick<Jobs, 'getAny' | 'start' | 'refuse'>;
  readonly storedPlans: Pick<Plans, 'put'>;
  readonly plans: PlanCache;
  readonly runPlans: RunPlans;
  readonly clock: Clock;
  readonly telemetry: SchedulerTelemetry;
}

/** What a start asked for, and who. */
interface Asked {
  readonly exportIds: RunRequest['exportIds'];
  readonly input: RunRequest['input'];
  readonly traceparent: string | null;
  readonly triggeredBy: string;
  /** the job's row says no more than this */
  readonly isAll: boolean;
}

/** An item takes about 300 bytes, and an offer 64 KB; few enough that several executors get some. */
const slicesPerOffer = 32;
/** A signal carries at most 64 KB; an id and its blank take 25 bytes. */
const idsPerSignal = 2_500;

/**
 * Turns a queued job into a run: takes the snapshot of its flow, marks the job as running and hands out its first work.
 *
 * Any number of callers may try at any time; the store lets one win. The first slice of a single generator is offered to
 * the executors rather than stored on the bus: should the winner, or the executor that takes it, die before its pages are
 * published, the completion sweep publishes it (complete-run). Several generators at once are stored as one atomic batch:
 * were the first able to finish before the second is there, the run would look complete.
 */
export class StartRun {
  readonly #deps: StartRunDeps;
  /** Plans known to be stored: content-addressed, so one write each is enough. */
  readonly #stored = new Recent<true>(10_000);
  readonly #slices: TurnBatch<FirstSlice>;
  readonly #changed: TurnBatch<string>;

  constructor(deps: StartRunDeps) {
    this.#deps = deps;
    const { bus } = deps;
    this.#slices = new TurnBatch(
      (slices) =>
        bus.offer(offers.firstSlices, Buffer.from(firstSlices.encode({ v: 1, slices: [...slices] })).toString()),
      slicesPerOffer,
    );
    this.#changed = new TurnBatch((runIds) => bus.signal(signals.jobChanged, runIds.join(' ')), idsPerSignal);
  }

  async start(queued: QueuedRun): Promise<StartRunOutcome> {
    const { plans } = this.#deps;
    const { accountId, flowId, jobId } = queued;
    const [asked] = await Promise.all([this.#asked(queued), plans.prepare(accountId, flowId)]);
    if (!asked) return 'gone';
    const span = startSpan('millrace.run.start', {
      role: 'consumer',
      traceparent: asked.traceparent ?? undefined,
      attributes: { 'millrace.run.id': jobId, 'millrace.flow.id': flowId },
    });
    try {
      return await this.#startTraced(queued, asked, span.traceparent);
    } finally {
      span.end();
    }
  }

  /** @returns null for a job that waits no more */
  async #asked({ jobId, asked }: QueuedRun): Promise<Asked | null> {
    if (asked) return { ...asked, exportIds: null, input: undefined, isAll: true };
    const job = await this.#deps.jobs.getAny(jobId);
    if (!job || job.status !== 'queued') return null;
    const { exportIds, input, traceparent } = parseRunRequest(job.request);
    return { exportIds, input, traceparent, triggeredBy: job.triggeredBy, isAll: false };
  }

  async #startTraced(queued: QueuedRun, asked: Asked, traceparent: string): Promise<StartRunOutcome> {
    const { bus, jobs, plans, clock, telemetry } = this.#deps;
    const { jobId, accountId, flowId } = queued;
    const outcome = await plans.plan(accountId, flowId, asked.exportIds);
    if (!outcome)
      return this.#refuse(jobId, flowId, { code: 'invalid_flow', message: 'The flow does not exist any more.' });
    if ('refusal' in outcome) return this.#refuse(jobId, flowId, outcome.refusal);
    const { planId, plan, routers } = outcome.runnable;
    // The flow may have got another schema since the run was asked for.
    const [wrong] = checkInput(plan.flow, asked.input);
    if (wrong) return this.#refuse(jobId, flowId, { code: runCodes.invalid_input.code, message: wrong.message });
    // Invariant: the plan is durable before anybody can see a run that names it.
    if (!this.#stored.has(planId)) {
      await this.#deps.storedPlans.put(planId, accountId, plan);
      this.#stored.set(planId, true);
    }
    const at = new Date(clock.now());
    const started = await jobs.start(jobId, planId, childrenOf(outcome.runnable, clock.now()), routers, {
      nothingFollows: nothingFollows(plan),
      at,
    });
    if (started !== 'started') return started;
    this.#deps.runPlans.note(jobId, planId, plan);
    const identity = { runId: jobId, accountId, flowId, planId, traceparent };
    const [exportId, ...others] = firstGenerators(plan);
    if (exportId !== undefined && others.length === 0) {
      this.#slices.add({ ...identity, exportId, ...(asked.isAll ? { job: { startedAt: at.toISOString() } } : {}) });
    } else await bus.publishAtomic(firstWork(identity, plan));
    this.#changed.add(jobId);
    telemetry.runStarted({ runId: jobId, flowId, triggeredBy: asked.triggeredBy });
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
