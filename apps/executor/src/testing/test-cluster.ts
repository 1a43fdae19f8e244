import {
  firstSlices,
  offers,
  stepResult,
  type ErrorEvent,
  type FirstSlice,
  type GeneratorResult,
  type PagesResult,
} from '#contracts';
import type { FlowPlan } from '#engine';
import type { Blobs } from '#blobs';
import type { JsonRecord } from '#model';
import type { Store } from '#store';
import { silentLogger } from '#telemetry';
import { eventually } from '#testing/eventually';
import { FakeBroker, type FakeBus } from '#testing/fakes/fake-broker';
import { FakeStore } from '#testing/fakes/fake-store';
import { FakeStream } from '#testing/fakes/fake-stream';
import { createExecutor, type Executor } from '../executor.js';
import { firstSliceMessage } from '../generate/slice-publisher.js';
import { executorSettings, type ExecutorSettings } from '../settings.js';
import { systemClock } from '../system-clock.js';
import { InThreadPool } from '../workers/in-thread-pool.js';
import { ids, linearEngine, testKit, type Engine, type TestApps } from './test-flow.js';

export interface TestExecutor {
  readonly executor: Executor;
  readonly bus: FakeBus;
  readonly pool: InThreadPool;
  /** The process dies: nothing it does has an effect any more. */
  kill(): void;
}

/** Executors around one broker, stream and store, all in memory. */
export class TestCluster {
  readonly broker = new FakeBroker(systemClock);
  readonly store = new FakeStore(systemClock);
  readonly stream = new FakeStream();
  readonly blobs = new Map<string, Uint8Array>();
  readonly #executors = new Set<Executor>();

  constructor(
    readonly apps: TestApps,
    private readonly engine: Engine = linearEngine,
  ) {}

  async executor(name = 'executor-1', settings: Partial<ExecutorSettings> = {}, workers = 1): Promise<TestExecutor> {
    const bus = this.broker.connect();
    const full = executorSettings({ instance: name, workers, ...settings });
    const pool = new InThreadPool(workers, testKit(this.apps, this.engine), {
      settings: { egressAllow: [], residentBytes: full.residentBytes },
      clock: systemClock,
      random: () => 0.5,
    });
    const executor = createExecutor({
      bus,
      stream: this.stream,
      store: { ...this.#ports(), isReady: async () => true } as unknown as Store,
      blobs: { put: async (key: string, content: Uint8Array) => void this.blobs.set(key, content) } as unknown as Blobs,
      settings: full,
      pool,
      clock: systemClock,
      logger: silentLogger,
    });
    await executor.start();
    this.#executors.add(executor);
    const kill = (): void => {
      this.#executors.delete(executor);
      bus.kill();
    };
    return { executor, bus, pool, kill };
  }

  /** Starts a run as the scheduler does, its first slice on the queue. */
  async startRun(plan: FlowPlan, request: JsonRecord = {}): Promise<void> {
    await this.#started(plan, request);
    await this.queueRun(plan);
  }

  /** Publishes the first slice of a run that is started, as the scheduler's sweep does. */
  async queueRun(plan: FlowPlan): Promise<void> {
    await this.broker.connect().publish([firstSliceMessage({ ...firstSliceOf(plan), ordinal: 0 }, undefined)]);
  }

  /** Starts a run as the scheduler does, its first slice offered. */
  async offerRun(plan: FlowPlan, told: Pick<FirstSlice, 'job'> = {}): Promise<void> {
    await this.#started(plan, {});
    const slices = [{ ...firstSliceOf(plan), traceparent: null, ...told }];
    this.broker.connect().offer(offers.firstSlices, Buffer.from(firstSlices.encode({ v: 1, slices })).toString());
  }

  async #started(plan: FlowPlan, request: JsonRecord): Promise<void> {
    await this.store.plans.put(ids.plan, ids.account, plan);
    await this.store.jobs.enqueue({
      jobId: ids.run,
      accountId: ids.account,
      flowId: ids.flow,
      integrationId: null,
      triggeredBy: 'manual',
      userId: null,
      traceId: null,
      request,
    });
    await this.store.jobs.start(ids.run, ids.plan, []);
  }

  /** Nothing of the run is outstanding. */
  async drained(): Promise<void> {
    await eventually('the run is drained', () => this.broker.messages.length === 0);
  }

  get results(): readonly (PagesResult | GeneratorResult)[] {
    return this.stream.events['step-results']
      .map(({ value }) => stepResult.decode(value))
      .filter((result) => result.kind !== 'finished');
  }

  /** What was told of the run, oldest first. */
  kinds(): readonly string[] {
    return this.stream.events['step-results'].map(({ value }) => stepResult.decode(value).kind);
  }

  /** Each result once, as the ledger counts them (P3). */
  get pages(): readonly PagesResult[] {
    const byId = new Map<string, PagesResult>();
    for (const result of this.results) {
      if (result.kind === 'pages' && !byId.has(result.resultId)) byId.set(result.resultId, result);
    }
    return [...byId.values()];
  }

  /** The last word of a generator: totals are absolute, the highest slice wins. */
  generator(ordinal = 0): GeneratorResult | undefined {
    return this.results
      .filter((result) => result.kind === 'generator')
      .filter((result) => result.ordinal === ordinal)
      .sort((a, b) => a.slice - b.slice)
      .at(-1);
  }

  /** Errors of a result count with it, as in the ledger. */
  get errors(): readonly ErrorEvent[] {
    const byId = new Map<string, ErrorEvent>();
    const counted = [...this.results.filter(({ kind }) => kind === 'generator'), ...this.pages];
    for (const { errors } of counted) for (const error of errors) byId.set(error.errorId, error);
    return [...byId.values()];
  }

  counts(stepId: string): { success: number; error: number; ignore: number } {
    const sum = { success: 0, error: 0, ignore: 0 };
    for (const { steps } of this.pages) {
      for (const step of steps) {
        if (step.stepId !== stepId) continue;
        sum.success += step.success;
        sum.error += step.error;
        sum.ignore += step.ignore;
      }
    }
    return sum;
  }

  /** Records that took each branch of a router, what none took, and what could not be routed. */
  routed(router: number): { branches: number[]; ignore: number; error: number } {
    const sum = { branches: [] as number[], ignore: 0, error: 0 };
    for (const counts of this.pages.flatMap(({ routers }) => routers ?? [])) {
      if (counts.router !== router) continue;
      counts.branches.forEach((taken, branch) => (sum.branches[branch] = (sum.branches[branch] ?? 0) + taken));
      sum.ignore += counts.ignore;
      sum.error += counts.error;
    }
    return sum;
  }

  /** generated + forked = finished closes the ledger; what is open otherwise. */
  ledger(): { generated: number; forked: number; finished: number } {
    const ordinals = new Set(this.results.map(({ ordinal }) => ordinal));
    let generated = 0;
    for (const ordinal of ordinals) generated += this.generator(ordinal)?.totals.pages ?? 0;
    return {
      generated,
      forked: this.pages.reduce((sum, { forked }) => sum + forked, 0),
      finished: this.pages.reduce((sum, { pages }) => sum + pages, 0),
    };
  }

  async close(): Promise<void> {
    for (const executor of this.#executors) await executor.drain(50);
  }

  #ports(): object {
    const { jobs, plans, checkpoints, documents, scriptLogs } = this.store;
    return { jobs, plans, checkpoints, documents, scriptLogs };
  }
}

function firstSliceOf(plan: FlowPlan): Omit<FirstSlice, 'traceparent'> {
  const exportId = plan.flow.pageGenerators?.[0]?._exportId ?? '';
  return { runId: ids.run, accountId: ids.account, flowId: ids.flow, planId: ids.plan, exportId };
}
