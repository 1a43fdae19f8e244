import { count, type Logger } from '#telemetry';

/** What a scheduler has to say. Each event is named once; its method raises log line and metric together (P8). */
export interface SchedulerTelemetry {
  runStarted(run: { readonly runId: string; readonly flowId: string; readonly triggeredBy: string }): void;
  runRefused(run: {
    readonly runId: string;
    readonly flowId: string;
    readonly code: string;
    readonly message: string;
  }): void;
  /** A run was found without work although it was started: its first work was published again. */
  runResumed(run: { readonly runId: string; readonly flowId: string }): void;
  commandRejected(command: { readonly queue: string; readonly id: string; readonly reason: string }): void;
  scheduleFired(firing: {
    readonly key: string;
    readonly outcome: 'fired' | 'skipped' | 'duplicate';
    readonly lateMs: number;
  }): void;
  /** Slots that nobody fired in time; they are not made up for. */
  scheduleMissed(firing: { readonly key: string; readonly since: string; readonly reason: string }): void;
  scheduleInvalid(schedule: {
    readonly flowId: string;
    readonly exportId: string | null;
    readonly problem: string;
  }): void;
  chainSkipped(chain: { readonly runId: string; readonly flowId: string; readonly reason: string }): void;
  leadership(change: { readonly isLeader: boolean; readonly reason: string }): void;
  /** Something failed that will be tried again. */
  failed(what: string, error: unknown, fields?: Readonly<Record<string, unknown>>): void;
}

/** Injection token of {@link SchedulerTelemetry}. */
export const schedulerTelemetry = Symbol('scheduler telemetry');

export function createSchedulerTelemetry(log: Logger): SchedulerTelemetry {
  return {
    runStarted: (run) => {
      count('millrace.runs.started', 1, { trigger: run.triggeredBy });
      log.debug(run, 'run started');
    },
    runRefused: (run) => log.info(run, 'run refused'),
    runResumed: (run) => log.warn(run, 'the first work of a run was published again'),
    commandRejected: (command) => {
      count('millrace.poison.messages', 1, { queue: command.queue });
      log.error(command, 'command moved to the dead letters');
    },
    scheduleFired: (firing) => {
      count('millrace.schedule.firings', 1, { outcome: firing.outcome });
      if (firing.outcome === 'skipped') log.info(firing, 'scheduled start skipped: the flow is still running');
      else log.debug(firing, 'schedule fired');
    },
    scheduleMissed: (firing) => {
      count('millrace.schedule.firings', 1, { outcome: 'missed' });
      log.warn(firing, 'scheduled starts were missed');
    },
    scheduleInvalid: (schedule) => log.warn(schedule, 'schedule ignored'),
    chainSkipped: (chain) => log.info(chain, 'chained start skipped'),
    leadership: (change) => log.info(change, change.isLeader ? 'leading' : 'following'),
    failed: (what, error, fields = {}) => log.error({ ...fields, error }, what),
  };
}
