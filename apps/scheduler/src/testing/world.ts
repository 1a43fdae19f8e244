import type { Bus } from '#bus';
import type { CompileFlow, FlowPlan } from '#engine';
import {
  firstSlices,
  generateHeader,
  offers,
  queuedRuns,
  signals,
  stepResult,
  workHeader,
  type GenerateHeader,
  type StepResult,
} from '#contracts';
import { newId, type JsonRecord } from '#model';
import { ControllableClock, settled } from '#testing/clock';
import { FakeBroker, type FakeBus } from '#testing/fakes/fake-broker';
import { FakeStore } from '#testing/fakes/fake-store';
import { FakeStream } from '#testing/fakes/fake-stream';
import { firstWork } from '../start-run/first-work.js';
import { createScheduler, type Scheduler } from '../scheduler.js';
import type { SchedulerSettings } from '../settings.js';
import type { SchedulerTelemetry } from '../telemetry.js';

export const accountId = 'a'.repeat(24);

/** An id that is easy to read in a failing test: `id(7)` ends in 7. */
export function id(n: number): string {
  return n.toString(16).padStart(24, '0');
}

type Told = { readonly event: keyof SchedulerTelemetry; readonly args: readonly unknown[] };

/** Compiles anything; steps are what a linear flow has. */
export const compileAnything: CompileFlow = (plan: FlowPlan) => ({
  generators: new Map(),
  program: { instructions: [], entry: 0 },
  stepIds: [
    ...(plan.flow.pageGenerators ?? []).flatMap((g) => (g._exportId ? [g._exportId] : [])),
    ...(plan.flow.pageProcessors ?? []).flatMap((p) => p._importId ?? p._exportId ?? []),
  ],
});

/** Listens as executors do that are busy: they put on the queue what they are offered. */
export function queueFirstSlices(bus: Pick<Bus, 'onOffer' | 'publish'>, isListening = (): boolean => true): void {
  bus.onOffer(offers.firstSlices, (payload) => {
    if (!isListening()) return;
    const { slices } = firstSlices.decode(Buffer.from(payload));
    const work = slices.flatMap(({ exportId, ...identity }) =>
      firstWork(identity, { flow: { pageGenerators: [{ _exportId: exportId }] } } as unknown as FlowPlan),
    );
    void bus.publish(work);
  });
}

/** A cluster in memory whose time the test turns. */
export class World {
  readonly clock: ControllableClock;
  readonly broker: FakeBroker;
  readonly stream = new FakeStream();
  readonly store: FakeStore;
  readonly told: Told[] = [];
  compile: CompileFlow = compileAnything;
  /** Whether offers of first slices reach an executor. */
  executorsListen = true;
  readonly #schedulers: { readonly scheduler: Scheduler; readonly bus: FakeBus }[] = [];
  readonly #bus: FakeBus;

  constructor(start = '2026-01-01T00:00:00.000Z') {
    this.clock = new ControllableClock(start);
    this.broker = new FakeBroker(this.clock);
    this.store = new FakeStore(this.clock);
    this.#bus = this.broker.connect();
    queueFirstSlices(this.#bus, () => this.executorsListen);
  }

  async startScheduler(
    instanceId = 'one',
    settings: Partial<SchedulerSettings> = {},
  ): Promise<{ scheduler: Scheduler; bus: FakeBus }> {
    const bus = this.broker.connect();
    const { store, stream, clock } = this;
    const compile: CompileFlow = (plan) => this.compile(plan);
    const scheduler = createScheduler({
      bus,
      stream,
      store,
      compile,
      clock,
      instanceId,
      // Time stands still here, and nobody who looks for what follows waits for it.
      settings: { followSpacingMs: 0, ...settings },
      telemetry: this.#telemetry(bus),
    });
    await scheduler.start();
    this.#schedulers.push({ scheduler, bus });
    await settled();
    return { scheduler, bus };
  }

  async stop(): Promise<void> {
    const alive = this.#schedulers.splice(0).filter(({ bus }) => !bus.isDead);
    await Promise.all(alive.map(({ scheduler }) => scheduler.drain()));
  }

  /** A flow of one export and one import, stored with its connection; parts of it may be replaced. */
  flow(flowId: string, change: JsonRecord = {}): string {
    const [exportId, importId, connectionId] = [`e${flowId.slice(1)}`, `b${flowId.slice(1)}`, `c${flowId.slice(1)}`];
    this.store.put(accountId, 'connections', { _id: connectionId, name: 'Shop', type: 'http' });
    this.store.put(accountId, 'exports', { _id: exportId, name: 'Orders', _connectionId: connectionId });
    this.store.put(accountId, 'imports', { _id: importId, name: 'Order', _connectionId: connectionId });
    this.store.put(accountId, 'flows', {
      _id: flowId,
      name: 'Orders',
      pageGenerators: [{ _exportId: exportId }],
      pageProcessors: [{ type: 'import', _importId: importId }],
      ...change,
    });
    return flowId;
  }

  /** Queues a run as the gateway does, announcement included. */
  async request(flowId: string, request: JsonRecord = {}): Promise<string> {
    const jobId = await this.queue(flowId, request);
    this.announce(flowId, jobId);
    await settled();
    return jobId;
  }

  announce(flowId: string, jobId: string): void {
    const runs = [{ accountId, flowId, jobId }];
    this.#bus.offer(offers.runsQueued, Buffer.from(queuedRuns.encode({ v: 1, runs })).toString());
  }

  /** Queues a run that is never announced. */
  async queue(flowId: string, request: JsonRecord = {}): Promise<string> {
    const jobId = newId(this.clock.now());
    const run = {
      jobId,
      accountId,
      flowId,
      integrationId: null,
      triggeredBy: 'manual',
      userId: null,
      traceId: null,
      request,
    } as const;
    await this.store.jobs.enqueue(run);
    return jobId;
  }

  /** Work on the bus, as headers. */
  work(): GenerateHeader[] {
    return this.broker
      .held('work.generate')
      .map((m) => generateHeader.parse(JSON.parse(m.headers?.[workHeader] ?? '')));
  }

  /** An executor does all work of a run and says so, unless the hint is lost. */
  async drainWork(runId: string, options: { readonly hint: boolean } = { hint: true }): Promise<void> {
    for (const message of this.broker.messages.filter((m) => m.key === runId)) this.broker.remove(message);
    if (options.hint) this.#bus.signal(signals.workAcked, runId);
    await settled();
  }

  /** What the stream holds for the errors service. */
  results(): StepResult[] {
    return this.stream.events['step-results'].map((event) => stepResult.decode(event.value));
  }

  markers(): string[] {
    return this.results().flatMap((result) =>
      result.kind === 'finished' ? [`${result.runId}${result.canceled ? ' canceled' : ''}`] : [],
    );
  }

  /** The errors service has made the run final. */
  async end(runId: string, status: 'completed' | 'failed' | 'canceled'): Promise<void> {
    this.store.finish(runId, status);
    this.#bus.signal(signals.jobFinal, runId);
    await settled();
  }

  toldOf<E extends keyof SchedulerTelemetry>(event: E): Parameters<SchedulerTelemetry[E]>[0][] {
    return this.told
      .filter((told) => told.event === event)
      .map((told) => told.args[0] as Parameters<SchedulerTelemetry[E]>[0]);
  }

  get bus(): FakeBus {
    return this.#bus;
  }

  /** The dead tell nothing. */
  #telemetry(bus: FakeBus): SchedulerTelemetry {
    const tell =
      (event: keyof SchedulerTelemetry) =>
      (...args: unknown[]): void => {
        if (!bus.isDead) this.told.push({ event, args });
      };
    return {
      runStarted: tell('runStarted'),
      runRefused: tell('runRefused'),
      runResumed: tell('runResumed'),
      commandRejected: tell('commandRejected'),
      scheduleFired: tell('scheduleFired'),
      scheduleMissed: tell('scheduleMissed'),
      scheduleInvalid: tell('scheduleInvalid'),
      chainSkipped: tell('chainSkipped'),
      leadership: tell('leadership'),
      failed: tell('failed'),
    };
  }
}
