import type { Functions, RunContext, StageWatch } from '#engine';
import { StepEffects } from '../pages/step-effects.js';
import type { CallLog } from '../workers/call-log.js';
import type { LoadedPlan } from '../workers/loaded-plan.js';
import type { LoadedRun } from '../workers/run-contexts.js';
import type { WorkerLocks } from '../workers/worker-locks.js';

export interface WatchedParts {
  readonly loaded: LoadedPlan;
  readonly run: LoadedRun;
  readonly context: RunContext;
  readonly calls: CallLog;
  readonly traceparent: string | undefined;
  readonly functions: Functions;
  readonly locks: WorkerLocks;
  readonly watch: StageWatch;
}

/** The world of a run, watched. */
export class WatchedEffects extends StepEffects {
  readonly watch: StageWatch;

  constructor(protected readonly parts: WatchedParts) {
    const { loaded, run, context, calls, traceparent, functions, locks, watch } = parts;
    super(loaded, run, context, calls, traceparent, functions, locks);
    this.watch = watch;
  }
}
