import type { Blobs } from '#blobs';
import type { Bus, Delivery, OutgoingMessage, Subscription } from '#bus';
import type { Clock } from '#connectors';
import { TokenBroker } from '#connectors/tokens/token-broker';
import { firstSlices, offers, signals, type FirstSlice } from '#contracts';
import { SecretBox, Signer } from '#security';
import type { Store } from '#store';
import type { Stream } from '#stream';
import { count, type Logger } from '#telemetry';
import { PagedReads, pagedStatePurpose, PagedStates } from '#try-outs';
import { ByteBudget } from './delivery/byte-budget.js';
import { LeaseKeeper } from './delivery/lease-keeper.js';
import { OfferedWork } from './delivery/offered-work.js';
import { redeliveryDelayMs } from './delivery/redelivery-delay.js';
import type { Handled } from './delivery/handled.js';
import { FirstReads } from './generate/first-reads.js';
import { GenerateHandler } from './generate/generate-handler.js';
import { RunWindows } from './generate/run-window.js';
import { firstSliceMessage } from './generate/slice-publisher.js';
import { FlowCalls } from './host-calls/flow-calls.js';
import { HostCalls } from './host-calls/host-calls.js';
import { StateCalls } from './host-calls/state-calls.js';
import { StepCalls } from './host-calls/step-calls.js';
import { IdLocks } from './locks/id-locks.js';
import { LimitAllocator } from './limits/limit-allocator.js';
import { OneTimeCalls } from './one-time/one-time-calls.js';
import { PageHandler } from './pages/page-handler.js';
import { reportIncident } from './results/script-incidents.js';
import { ScriptLogs } from './results/script-logs.js';
import { StepResults } from './results/step-results.js';
import { LocalWork } from './runs/local-work.js';
import { RunDirectory } from './runs/run-directory.js';
import type { ExecutorSettings } from './settings.js';
import { TryOutRoom } from './try-out/try-out-room.js';
import { Dispatcher } from './workers/dispatcher.js';
import type { Notice, WorkerPool } from './workers/protocol.js';

export interface ExecutorDeps {
  readonly bus: Bus;
  readonly stream: Stream;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly settings: ExecutorSettings;
  /** `PiscinaPool` in processes, `InThreadPool` in tests; closed by the executor */
  readonly pool: WorkerPool;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ExecutorStats {
  /** deliveries being worked on, by queue */
  readonly pages: number;
  readonly generators: number;
  /** bytes of page bundles being worked on */
  readonly bytes: number;
  /** permits of connections, summed: held by this executor, wanted by its workers */
  readonly permits: { readonly held: number; readonly wanted: number };
}

export interface Executor {
  start(): Promise<void>;
  /**
   * Stops taking work, lets what is under way finish until the deadline, hands the rest back, gives up permits.
   *
   * @param deadlineMs time to finish, in milliseconds
   */
  drain(deadlineMs: number): Promise<void>;
  /** Whether work can be done now: started, not draining, broker, stream and store reachable. */
  isReady(): Promise<boolean>;
  stats(): ExecutorStats;
}

/** After the deadline of a drain, the time for handing back leases, and again for permits. */
const handBackMs = 2_000;
/** While bundles take longer, other executors help with what this one holds in parsed form. */
const keepsUpMs = 1_000;

/** First slices taken at a time; those that wait for their turn are a few hundred bytes each. */
const maxOffered = 512;

export function createExecutor(deps: ExecutorDeps): Executor {
  return new ExecutorService(deps);
}

class ExecutorService implements Executor {
  readonly #deps: ExecutorDeps;
  readonly #stopping = new AbortController();
  readonly #runs: RunDirectory;
  readonly #work: LocalWork;
  readonly #leases: LeaseKeeper;
  readonly #scriptLogs: ScriptLogs;
  readonly #budget: ByteBudget;
  readonly #dispatcher: Dispatcher;
  readonly #limits: LimitAllocator;
  readonly #tokens: TokenBroker;
  readonly #locks: IdLocks;
  readonly #generate: GenerateHandler;
  readonly #pages: PageHandler;
  readonly #tryOuts: TryOutRoom;
  readonly #hostCalls: HostCalls;
  readonly #oneTimeCalls: OneTimeCalls;
  readonly #held = new Set<Delivery>();
  #subscriptions: Subscription[] = [];
  /** Offered first slices that are being read or wait for it; as many are read at a time as may be leased. */
  readonly #offered = new Set<Promise<void>>();
  readonly #firstReads: FirstReads;
  #unsubscribe: (() => void)[] = [];
  #state: 'new' | 'running' | 'draining' = 'new';

  constructor(deps: ExecutorDeps) {
    this.#deps = deps;
    const { bus, stream, store, blobs, settings, pool, clock } = deps;
    const reportError = (error: unknown, doing: string): void =>
      deps.logger.warn({ error }, `A failure while ${doing}`);
    this.#firstReads = new FirstReads(settings.maxGenerators);
    this.#runs = new RunDirectory(store);
    this.#work = new LocalWork(bus);
    this.#leases = new LeaseKeeper(clock, settings.leaseMs, reportError);
    this.#scriptLogs = new ScriptLogs(store.scriptLogs, reportError);
    this.#budget = new ByteBudget(settings.maxInFlightBytes);
    this.#dispatcher = new Dispatcher(pool);
    const { instance } = settings;
    this.#limits = new LimitAllocator({ bus, clock, instance, pool, reportError });
    this.#locks = new IdLocks({ bus, clock, instance, pool, reportError });
    this.#tokens = new TokenBroker({
      bus,
      documents: store.documents,
      clock,
      instance,
      ...(settings.keyring === undefined ? {} : { keyring: settings.keyring }),
    });
    const shared = {
      bus,
      clock,
      settings,
      runs: this.#runs,
      dispatcher: this.#dispatcher,
      results: new StepResults(stream, blobs),
    };
    this.#pages = new PageHandler(shared);
    this.#generate = new GenerateHandler({
      ...shared,
      pages: this.#pages,
      windows: new RunWindows(settings),
      work: this.#work,
      stopping: this.#stopping.signal,
    });
    this.#tryOuts = new TryOutRoom({ bus, clock, dispatcher: this.#dispatcher, logger: deps.logger });
    this.#hostCalls = new HostCalls({
      steps: new StepCalls({
        documents: store.documents,
        dispatcher: this.#dispatcher,
        pages: pagedReads(settings.keyring, clock),
        clock,
      }),
      flows: new FlowCalls({ bus, documents: store.documents, jobs: store.jobs }),
      state: new StateCalls(store.state),
      pool,
      logger: deps.logger,
    });
    this.#oneTimeCalls = new OneTimeCalls({ bus, pool, instance });
    pool.onNotice((worker, notice) => this.#noticed(worker, notice));
  }

  async start(): Promise<void> {
    const { bus, settings } = this.#deps;
    this.#state = 'running';
    this.#unsubscribe = [
      bus.onSignal(signals.runCanceled, (runId) => void this.#cancel(runId)),
      bus.onOffer(offers.firstSlices, (payload) => this.#takeOffer(payload)),
    ];
    this.#tryOuts.open();
    this.#oneTimeCalls.open();
    const shared = { consumerId: settings.instance, leaseMs: settings.leaseMs };
    this.#subscriptions = await Promise.all([
      bus.consume({ ...shared, queue: 'work.generate', maxInFlight: settings.maxGenerators }, (delivery) =>
        this.#handle(delivery, () => this.#generate.handle(delivery)),
      ),
      bus.consume(
        { ...shared, queue: 'work.page', maxInFlight: settings.maxInFlight, headersOnly: true, keepsUpMs },
        (delivery) => this.#handle(delivery, () => this.#withinBudget(delivery)),
      ),
    ]);
  }

  async drain(deadlineMs: number): Promise<void> {
    const { clock, pool, logger } = this.#deps;
    this.#state = 'draining';
    this.#stopping.abort();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    const drained = Promise.all([
      ...this.#subscriptions.map((subscription) => subscription.drain()),
      this.#tryOuts.drain(),
      ...this.#offered,
    ]);
    const over = new AbortController();
    const isDrained = await Promise.race([
      drained.then(() => true),
      clock.sleep(deadlineMs, over.signal).then(
        () => false,
        () => true,
      ),
    ]);
    over.abort();
    if (!isDrained) {
      this.#tryOuts.cancelAll();
      logger.warn({ deliveries: this.#held.size }, 'Handing back work that did not finish in time');
      await this.#within(handBackMs, Promise.allSettled([...this.#held].map((delivery) => delivery.nack(0))));
    }
    await this.#within(
      handBackMs,
      Promise.all([this.#limits.close(), this.#scriptLogs.idle(), this.#oneTimeCalls.drain()]),
    );
    await pool.close();
  }

  /** A broker that is away must not keep the process: leases and permits expire by themselves. */
  async #within(ms: number, work: Promise<unknown>): Promise<void> {
    const over = new AbortController();
    await Promise.race([work, this.#deps.clock.sleep(ms, over.signal).catch(() => undefined)]);
    over.abort();
  }

  async isReady(): Promise<boolean> {
    const { bus, stream, store } = this.#deps;
    if (this.#state !== 'running') return false;
    const checks = await Promise.all([bus.isReady(), stream.isReady(), store.isReady()]);
    return checks.every(Boolean);
  }

  stats(): ExecutorStats {
    let generators = 0;
    for (const { queue } of this.#held) if (queue === 'work.generate') generators += 1;
    return {
      pages: this.#held.size - generators,
      generators,
      bytes: this.#budget.used,
      permits: this.#limits.stats(),
    };
  }

  /** Takes what it can hold; the rest waits on the queue, where anybody may lease it (P5). */
  #takeOffer(payload: string): void {
    const { bus, logger } = this.#deps;
    let slices: readonly FirstSlice[];
    try {
      ({ slices } = firstSlices.decode(Buffer.from(payload)));
    } catch (error) {
      // The scheduler's sweep publishes what was meant.
      logger.error({ error }, 'An offer was not understood');
      return;
    }
    const queued: OutgoingMessage[] = [];
    for (const slice of slices) {
      if (this.#state === 'running' && this.#offered.size < maxOffered) this.#takeOffered(new OfferedWork(slice, bus));
      else queued.push(firstSliceMessage({ ...slice, ordinal: 0 }, slice.traceparent ?? undefined));
    }
    if (queued.length === 0) return;
    bus.publish(queued).catch((error: unknown) => {
      logger.warn({ error }, 'Offered work could not be queued; the scheduler publishes it');
    });
  }

  #takeOffered(work: OfferedWork): void {
    const handled = this.#handle(work, () => this.#firstReads.run(work.key, () => this.#generate.handle(work)))
      .catch((error: unknown) => {
        this.#deps.logger.warn({ error }, 'Offered work could not be handed back; the scheduler publishes it');
      })
      .finally(() => this.#offered.delete(handled));
    this.#offered.add(handled);
  }

  /** Every delivery goes through here: its lease is kept, its run's work is counted, a throw hands it back. */
  async #handle(delivery: Delivery, work: () => Promise<Handled>): Promise<void> {
    const runId = delivery.key;
    if (delivery.attempt > 1) count('millrace.page.redeliveries', 1, { queue: delivery.queue });
    this.#held.add(delivery);
    this.#leases.hold(delivery);
    this.#work.began(runId);
    let handled: Handled = 'later';
    try {
      handled = await work();
    } catch (error) {
      if (this.#state !== 'draining') {
        this.#deps.logger.error(
          { error, queue: delivery.queue, runId, attempt: delivery.attempt },
          'Work failed and is tried again',
        );
      }
      await delivery.nack(this.#state === 'draining' ? 0 : redeliveryDelayMs(delivery.attempt));
    } finally {
      this.#held.delete(delivery);
      this.#leases.release(delivery);
      this.#work.ended(runId, handled);
    }
  }

  async #withinBudget(delivery: Delivery): Promise<Handled> {
    const { key, bodyBytes } = delivery;
    await this.#budget.take(key, bodyBytes);
    try {
      if (this.#stopping.signal.aborted) {
        await delivery.nack(0);
        return 'later';
      }
      return await this.#pages.handle(delivery);
    } finally {
      this.#budget.give(key, bodyBytes);
    }
  }

  async #cancel(runId: string): Promise<void> {
    try {
      await this.#runs.cancel(runId);
      await this.#dispatcher.cancel(runId);
    } catch (error) {
      // The signal is repeated until the run has drained.
      this.#deps.logger.warn({ error, runId }, 'A run could not be canceled in the workers yet');
    }
  }

  #noticed(worker: number, notice: Notice): void {
    if (notice.kind === 'slice-read') return this.#firstReads.over(notice.runId);
    if (notice.kind === 'script-log') return this.#scriptLogs.add(notice);
    if (notice.kind === 'script-incident') return reportIncident(notice, this.#deps.logger);
    if (notice.kind === 'lock-request' || notice.kind === 'lock-release') return this.#locks.handle(worker, notice);
    if (notice.kind === 'host-call' || notice.kind === 'host-call-over') return this.#hostCalls.handle(worker, notice);
    if (notice.kind !== 'token-request') return this.#limits.handle(worker, notice);
    const { requestId } = notice;
    void this.#tokens
      .answer(notice.request)
      .then((answer) => this.#deps.pool.worker(worker).control({ kind: 'token-answer', requestId, answer }))
      .catch((error: unknown) => this.#deps.logger.warn({ error }, 'A worker could not be given its token'));
  }
}

function pagedReads(keyring: string | undefined, clock: Clock): PagedReads | null {
  if (keyring === undefined) return null;
  const now = (): number => clock.now();
  const signer = Signer.fromKeyring(keyring, pagedStatePurpose);
  return new PagedReads(new PagedStates(SecretBox.fromKeyring(keyring), signer, now), now);
}
