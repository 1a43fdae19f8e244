import 'reflect-metadata';
import type { Bus } from '#bus';
import { BusStrategy } from '#bus/nest/bus-strategy';
import { signals } from '#contracts';
import type { CompileFlow } from '#engine';
import type { Checkpoints, Documents, Firings, Jobs, Plans } from '#store';
import type { Stream } from '#stream';
import type { INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { runAnnouncer } from './announce-runs.js';
import { CancelRun } from './cancel-run/cancel-run.js';
import { followRuns } from './chains/follow-runs.js';
import { StartQueued } from './chains/start-queued.js';
import { systemClock, type Clock } from '#clock';
import { Coalesced } from './coalesced.js';
import { CompletionCheck } from './complete-run/completion-check.js';
import { CompletionHints } from './complete-run/completion-hints.js';
import { CompletionSweep } from './complete-run/completion-sweep.js';
import { every } from './every.js';
import { LeaderElection } from './leadership/leader-election.js';
import { RunPlans } from './run-plans.js';
import { SchedulerModule } from './scheduler.module.js';
import { ScheduleRunner } from './schedules/schedule-runner.js';
import { defaultSettings, type SchedulerSettings } from './settings.js';
import { PlanCache } from './start-run/plan-cache.js';
import { StartRun } from './start-run/start-run.js';
import { TakeRuns } from './start-run/take-runs.js';
import type { SchedulerTelemetry } from './telemetry.js';

/** The part of the store that schedulers use. */
interface SchedulerStore {
  readonly documents: Pick<Documents, 'get' | 'getMany' | 'scheduledFlows' | 'flowsVersion'>;
  readonly jobs: Pick<
    Jobs,
    'enqueue' | 'start' | 'refuse' | 'getAny' | 'planOf' | 'activeRuns' | 'startable' | 'unfollowed' | 'markFollowed'
  >;
  readonly plans: Plans;
  readonly firings: Firings;
  readonly checkpoints: Checkpoints;
}

export interface SchedulerDeps {
  readonly bus: Bus;
  readonly stream: Pick<Stream, 'produce'>;
  readonly store: SchedulerStore;
  readonly compile: CompileFlow;
  readonly telemetry: SchedulerTelemetry;
  /** Name of this process, stable over restarts, unique among replicas. */
  readonly instanceId: string;
  readonly clock?: Clock;
  readonly settings?: Partial<SchedulerSettings>;
}

export interface Scheduler {
  start(): Promise<void>;
  /** Takes no more commands, finishes those it has, hands cancels and leadership over. */
  drain(): Promise<void>;
  isReady(): boolean;
  /** Whether this replica fires schedules and finishes runs now. */
  isLeader(): boolean;
}

const commandLeaseMs = 30_000;
const leaseName = 'scheduler';

/**
 * Decides that a run starts, and knows when it is complete. Every replica starts and cancels runs, by commands; one of
 * them, the leader, fires schedules, finishes runs and starts what follows them.
 */
export function createScheduler(deps: SchedulerDeps): Scheduler {
  const { bus, stream, store, compile, telemetry, instanceId, clock = systemClock } = deps;
  const settings: SchedulerSettings = { ...defaultSettings, ...deps.settings };
  const { jobs, documents, firings, checkpoints } = store;
  const closing = new AbortController();
  const runPlans = new RunPlans(jobs, store.plans);
  const plans = new PlanCache({ documents, compile, clock, freshMs: settings.planFreshMs });
  const startRun = new StartRun({ bus, jobs, storedPlans: store.plans, plans, runPlans, clock, telemetry });
  const takeRuns = new TakeRuns({ bus, startRun, telemetry, maxInFlight: settings.startsInFlight });
  const announce = runAnnouncer(bus);
  const completion = new CompletionCheck({ bus, stream, jobs, runPlans, clock, telemetry });
  const checkFailed = (runId: string, error: unknown): void =>
    telemetry.failed('a run could not be checked for completion; trying again', error, { runId });
  const check = (runId: string) => completion.check(runId);
  const hints = new CompletionHints({ check, failed: checkFailed, clock, intervalMs: settings.checkIntervalMs });
  const startQueued = new StartQueued({ jobs, startRun, telemetry });
  const following = new Coalesced({
    task: async () => {
      try {
        await followRuns({ announce, jobs, documents, checkpoints, runPlans, telemetry });
        await startQueued.startHeldBack();
      } catch (error) {
        telemetry.failed('final runs could not be followed; trying again', error);
      }
    },
    clock,
    spacingMs: settings.followSpacingMs,
    closing: closing.signal,
  });
  const runner = new ScheduleRunner(
    { announce, firings, documents, clock, telemetry },
    { pollMs: settings.flowPollMs, catchUpMs: settings.catchUpMs, firingsInFlight: settings.firingsInFlight },
  );

  const election = new LeaderElection({
    leases: bus.leases,
    name: leaseName,
    instanceId,
    ttlMs: settings.leaseTtlMs,
    clock,
    telemetry,
    lead: async (signal) => {
      const sweep = new CompletionSweep({ jobs, check, failed: checkFailed, clock });
      const repeat = (what: string, task: () => Promise<void>): Promise<void> =>
        every(
          clock,
          settings.sweepMs,
          task,
          (error) => telemetry.failed(`${what} failed; trying again`, error),
          signal,
        );
      await Promise.all([
        runner.lead(signal),
        repeat('the completion sweep', () => sweep.sweep()),
        repeat('the sweep of queued runs', () => startQueued.sweep()),
        repeat('housekeeping', async () => {
          hints.forgetIdle();
          following.ask();
        }),
      ]);
    },
  });

  const commands = (): Promise<INestMicroservice> =>
    NestFactory.createMicroservice(
      SchedulerModule.with({
        cancelRun: new CancelRun({ bus, jobs, completion, clock, repeatMs: settings.cancelRepeatMs }),
        cancelLease: { leaseMs: commandLeaseMs, clock, closing: closing.signal },
        telemetry,
      }),
      {
        strategy: new BusStrategy({
          bus,
          consumerId: instanceId,
          queues: {
            'cmd.run.cancel': { maxInFlight: settings.cancelsInFlight, leaseMs: commandLeaseMs },
          },
        }),
        logger: false,
        abortOnError: false,
      },
    );

  const stops: (() => void)[] = [];
  let app: INestMicroservice | null = null;

  return {
    async start() {
      stops.push(
        plans.follow(bus),
        bus.onSignal(signals.workAcked, (payload) => {
          for (const runId of payload.split(' ')) {
            completion.noteWork(runId);
            if (election.isLeader) hints.hint(runId);
          }
        }),
        bus.onSignal(signals.workHeld, (runId) => completion.noteHeld(runId)),
        bus.onSignal(signals.jobFinal, () => {
          if (election.isLeader) following.ask();
        }),
      );
      takeRuns.start();
      const starting = await commands();
      await starting.listen();
      app = starting;
      election.start();
    },

    async drain() {
      const running = app;
      app = null;
      closing.abort();
      for (const stop of stops.splice(0)) stop();
      await Promise.all([election.close(), running?.close(), takeRuns.drain()]);
      await Promise.all([hints.close(), following.idle()]);
    },

    isReady: () => app !== null,
    isLeader: () => election.isLeader,
  };
}
