import { ContractError } from '#contracts';
import type { ConnectorHost } from '#connectors';
import { StackFunctions } from '#connectors/stack/stack-functions';
import { mayGoOn, type FlowPlan, type Functions } from '#engine';
import { OneTimeTokens } from '#security/one-time-tokens';
import { startSpan } from '#telemetry/spans';
import { readSlice } from '../generate/slice-reader.js';
import { SourceSessions } from '../generate/source-session.js';
import { limitOf } from '../limits/connection-limit.js';
import { executorIdOf } from '../one-time/executor-id.js';
import { aggregate } from '../pages/aggregate.js';
import { abandonBundle, runBundle, stepAt, type BundleRunnerParts } from '../pages/bundle-runner.js';
import { parseBundle } from '../pages/page-codec.js';
import { observeCall } from './call-log.js';
import { TryOuts } from '../try-out/try-outs.js';
import { functionsByHome } from './functions-by-home.js';
import { KnownStacks } from './known-stacks.js';
import { loadPlan, type LoadedPlan, type LoadOutcome } from './loaded-plan.js';
import { Lru } from './lru.js';
import type {
  AbandonTask,
  AggregateReply,
  AggregateTask,
  BundleReply,
  BundleTask,
  CompileFailed,
  Control,
  Introduction,
  Missing,
  Poison,
  SliceReply,
  SliceResult,
  SliceTask,
  TryOutTask,
  WorkerApi,
} from './protocol.js';
import { ResidentPages } from './resident-pages.js';
import { RunningPages } from './running-pages.js';
import { LoadedRuns, type LoadedRun } from './run-contexts.js';
import { secretOpener, type SecretOpener } from './secret-opener.js';
import type { WorkerHost, WorkerKit } from './worker-kit.js';
import { WorkerHostCalls } from './worker-host-calls.js';
import { WorkerLocks } from './worker-locks.js';
import { WorkerLimits } from './worker-limits.js';
import { WorkerOneTimeTokens } from './worker-one-time-tokens.js';
import { WorkerTokens } from './worker-tokens.js';

const maxPlans = 500;

/**
 * One worker of an executor: compiles plans, reads sources, runs pages, does its own I/O. It keeps caches only; what it
 * does not know it says (`missing`), and whatever it holds may be lost at any moment without losing a record.
 */
export class WorkerRuntime implements WorkerApi {
  readonly #kit: WorkerKit;
  readonly #host: WorkerHost;
  readonly #limits: WorkerLimits;
  readonly #tokens: WorkerTokens;
  readonly #locks: WorkerLocks;
  readonly #hostCalls: WorkerHostCalls;
  readonly #runs: LoadedRuns;
  readonly #plans = new Lru<string, LoadOutcome>(maxPlans);
  readonly #hosts = new Lru<string, ConnectorHost>(maxPlans);
  readonly #stacks = new Lru<string, KnownStacks>(maxPlans);
  readonly #sessions: SourceSessions;
  readonly #running: RunningPages;
  readonly #resident: ResidentPages;
  readonly #secrets: SecretOpener;
  readonly #tryOuts: TryOuts;
  /** null: nobody could check them */
  readonly #oneTimeTokens: WorkerOneTimeTokens | null;

  constructor(kit: WorkerKit, host: WorkerHost) {
    this.#kit = kit;
    this.#host = host;
    const { clock } = host;
    this.#limits = new WorkerLimits(clock, (notice) => host.notify(notice));
    this.#tokens = new WorkerTokens((notice) => host.notify(notice));
    this.#locks = new WorkerLocks((notice) => host.notify(notice));
    this.#hostCalls = new WorkerHostCalls((notice) => host.notify(notice));
    this.#runs = new LoadedRuns(() => clock.now());
    this.#sessions = new SourceSessions(clock);
    this.#running = new RunningPages(clock, (runId) => host.notify({ kind: 'slice-read', runId }));
    this.#resident = new ResidentPages(host.settings.residentBytes, () => clock.now());
    this.#secrets = secretOpener(host.settings.keyring);
    this.#oneTimeTokens = oneTimeTokens(host);
    this.#tryOuts = new TryOuts({
      kit,
      clock,
      locks: this.#locks,
      hostOf: (accountId) => this.#hostOf(accountId),
      functionsOf: (plan, run, traceparent, depth) => this.#functionsOf({ plan }, run, traceparent, depth),
      learn: (accountId, plan) => this.#learn(accountId, plan),
    });
  }

  async readSlice(task: SliceTask): Promise<SliceReply> {
    const known = this.#know(task);
    if ('kind' in known) return known;
    if ('failures' in known.loaded) return { kind: 'compile_failed', failures: known.loaded.failures };
    const { loaded, run } = known;
    const parts = {
      sessions: this.#sessions,
      resident: this.#resident,
      clock: this.#host.clock,
      functions: this.#functionsOf(loaded, run, task.traceparent),
    };
    return orPoison(async (): Promise<SliceReply> => {
      const slice = await readSlice(task, loaded, run, parts);
      return task.mayRun === true ? this.#ran(task, slice, loaded, run) : slice;
    });
  }

  /** Runs what was read, if that is all there is of the run and no message has to carry it. */
  async #ran(task: SliceTask, slice: SliceResult, loaded: LoadedPlan, run: LoadedRun): Promise<SliceResult> {
    const [bundle] = slice.bundles;
    const pages = bundle?.header.content === undefined ? null : this.#resident.take(bundle.id, bundle.header);
    if (!bundle || !pages) return slice;
    const { id, header } = bundle;
    const { runId, planId } = task;
    const over = this.#running.began(runId);
    const startedAtMs = this.#host.clock.now();
    const span = startSpan('millrace.page', {
      traceparent: task.traceparent,
      attributes: {
        'millrace.run.id': runId,
        'millrace.position': header.position,
        'millrace.pages': header.pages.length,
        'millrace.records': header.records,
      },
    });
    try {
      const { traceparent } = span;
      const parts = this.#partsOf(loaded, run, traceparent);
      const result = await runBundle({ runId, planId, messageId: id, header, traceparent }, pages, loaded, run, parts);
      // Invariant: a straight program forks nowhere. Were it otherwise, a message would have to carry what goes on.
      if (result.continuations.length > 0) throw new Error('A page went on that was run where it was read.');
      return { ...slice, bundles: [], ran: { id, header, result, startedAtMs } };
    } catch (error) {
      span.fail(error instanceof Error ? error.message : String(error));
      throw error;
    } finally {
      over();
      span.end();
    }
  }

  async runBundle(task: BundleTask): Promise<BundleReply> {
    const known = this.#know(task);
    if ('kind' in known) return known;
    const { loaded, run } = known;
    if ('failures' in loaded) return { kind: 'compile_failed', failures: loaded.failures };
    return orPoison(async (): Promise<BundleReply> => {
      const held = this.#resident.take(task.messageId, task.header);
      if (!held && !task.body) return { kind: 'missing', what: 'body' };
      const pages = held ?? parseBundle(task.body!, task.header);
      return runBundle(task, pages, loaded, run, this.#partsOf(loaded, run, task.traceparent));
    });
  }

  #partsOf(loaded: LoadedPlan, run: LoadedRun, traceparent: string | undefined): BundleRunnerParts {
    return {
      runPage: this.#kit.runPage,
      resident: this.#resident,
      clock: this.#host.clock,
      locks: this.#locks,
      functions: this.#functionsOf(loaded, run, traceparent),
    };
  }

  async abandonBundle(task: AbandonTask): Promise<BundleReply> {
    const known = this.#know(task);
    if ('kind' in known) return known;
    this.#resident.forget(task.messageId);
    const { loaded } = known;
    const isCompiled = !('failures' in loaded);
    const stepId = isCompiled ? stepAt(loaded, task.header) : task.header.exportId;
    const goesOn = isCompiled && mayGoOn(loaded.flow.program, task.header.position);
    return orPoison(async () => {
      const pages = parseBundle(task.body, task.header);
      return abandonBundle(task, pages, stepId, task.reason, goesOn, this.#host.clock);
    });
  }

  async aggregate(task: AggregateTask): Promise<AggregateReply> {
    const known = this.#know(task);
    if ('kind' in known) return known;
    const { loaded, run } = known;
    if ('failures' in loaded) return { kind: 'compile_failed', failures: loaded.failures };
    const functions = this.#functionsOf(loaded, run, task.traceparent);
    return aggregate(task, loaded, run, { functions, clock: this.#host.clock });
  }

  tryOut(task: TryOutTask): Promise<Uint8Array> {
    return this.#tryOuts.run(task);
  }

  async isStackCallOpen(callId: string): Promise<boolean> {
    return this.#oneTimeTokens?.isOpen(callId) ?? false;
  }

  async control(message: Control): Promise<void> {
    switch (message.kind) {
      case 'cancel-try-out':
        return this.#tryOuts.cancel(message.id);
      case 'cancel':
        return this.#runs.cancel(message.runId);
      case 'close-generator':
        return this.#sessions.close(`${message.runId}/${message.ordinal}`);
      case 'forget':
        for (const id of message.messageIds) this.#resident.forget(id);
        return;
      case 'capacity':
        return this.#limits.setCapacity(message.limitKey, message.permits);
      case 'pace':
        return this.#limits.setPace(message.limitKey, message.pausedUntilMs, message.isReduced);
      case 'token-answer':
        return this.#tokens.answered(message.requestId, message.answer);
      case 'lock-granted':
        return this.#locks.granted(message.requestId);
      case 'host-answer':
        return this.#hostCalls.answered(message.requestId, message.answer);
    }
  }

  /** @param depth host calls of scripts that wait for the run */
  #functionsOf(
    { plan }: Pick<LoadedPlan, 'plan'>,
    run: LoadedRun,
    traceparent: string | undefined,
    depth = 0,
  ): Functions {
    const { accountId, runId, flowId } = run.spec;
    const integrationId = plan.flow._integrationId ?? null;
    const scripts = this.#kit.functionsOf({
      accountId,
      runId,
      scripts: plan.scripts ?? {},
      signal: run.signal,
      depth,
      host: this.#hostCalls.forScope({
        accountId,
        integrationId,
        depth,
        ...(traceparent === undefined ? {} : { traceparent }),
      }),
      log: (lines) => this.#host.notify({ kind: 'script-log', accountId, runId, flowId, lines }),
      incident: (incident) => this.#host.notify({ kind: 'script-incident', accountId, runId, flowId, incident }),
    });
    if (plan.stacks === undefined) return scripts;
    const stacks = new StackFunctions(this.#hostOf(accountId), run.signal, traceparent, integrationId);
    return functionsByHome(scripts, stacks);
  }

  #know(task: {
    readonly runId: string;
    readonly planId: string;
    readonly introduction?: Introduction;
  }): { readonly run: LoadedRun; readonly loaded: LoadOutcome } | Missing {
    const run = this.#runs.get(task.runId) ?? (task.introduction && this.#runs.introduce(task.introduction.run));
    if (!run) return { kind: 'missing', what: 'introduction' };
    let loaded = this.#plans.get(task.planId);
    if (!loaded) {
      const { introduction } = task;
      if (introduction?.plan === undefined) return { kind: 'missing', what: 'introduction' };
      loaded = this.#load(task.planId, introduction.plan, introduction.run.accountId);
      this.#plans.set(task.planId, loaded);
    }
    return { run, loaded };
  }

  #load(planId: string, planText: string, accountId: string): LoadOutcome {
    const plan = JSON.parse(planText) as FlowPlan;
    this.#learn(accountId, plan);
    return loadPlan(planId, plan, this.#kit, this.#hostOf(accountId));
  }

  /** Makes the stacks and the connections' limits of a plan known. */
  #learn(accountId: string, plan: FlowPlan): void {
    if (plan.stacks !== undefined) this.#stacksOf(accountId).add(plan.stacks);
    for (const connection of Object.values(plan.connections)) {
      this.#limits.register(connection._id, limitOf(connection, plan));
    }
  }

  #stacksOf(accountId: string): KnownStacks {
    let stacks = this.#stacks.get(accountId);
    if (!stacks) {
      stacks = new KnownStacks(accountId, this.#secrets);
      this.#stacks.set(accountId, stacks);
    }
    return stacks;
  }

  #hostOf(accountId: string): ConnectorHost {
    let host = this.#hosts.get(accountId);
    if (!host) {
      const { settings, clock, random } = this.#host;
      host = {
        limits: this.#limits,
        tokens: this.#tokens.forAccount(accountId),
        openSecrets: async (connection) => this.#secrets.connection(accountId, connection),
        stacks: this.#stacksOf(accountId),
        ...(this.#oneTimeTokens === null ? {} : { oneTimeTokens: this.#oneTimeTokens.forAccount(accountId) }),
        egressAllow: settings.egressAllow,
        ...(settings.filesystemRoot === undefined ? {} : { filesystemRoot: settings.filesystemRoot }),
        clock,
        random,
        observe: observeCall,
      };
      this.#hosts.set(accountId, host);
    }
    return host;
  }
}

function oneTimeTokens({ settings, clock }: WorkerHost): WorkerOneTimeTokens | null {
  const { keyring, instance } = settings;
  if (keyring === undefined || instance === undefined) return null;
  const tokens = OneTimeTokens.fromKeyring(keyring);
  return new WorkerOneTimeTokens({ tokens, executorId: executorIdOf(instance), clock });
}

async function orPoison<R extends { readonly kind: string }>(
  work: () => Promise<R>,
): Promise<R | Poison | CompileFailed> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ContractError) return { kind: 'poison', reason: error.message };
    throw error;
  }
}
