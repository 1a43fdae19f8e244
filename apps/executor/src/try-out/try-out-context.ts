import type { Clock, ConnectorHost } from '#connectors';
import type { TryOutHeader } from '#contracts';
import type { FlowPlan, Functions } from '#engine';
import type { LoadedRun } from '../workers/run-contexts.js';
import type { WorkerLocks } from '../workers/worker-locks.js';
import type { WorkerKit } from '../workers/worker-kit.js';

/** What try-outs need of their worker. */
export interface TryOutWorld {
  readonly kit: WorkerKit;
  readonly clock: Clock;
  /** Locks of records, the same as runs'. */
  readonly locks: WorkerLocks;
  hostOf(accountId: string): ConnectorHost;
  /** Users' functions of a plan; what they log is kept, as in runs. */
  functionsOf(plan: FlowPlan, run: LoadedRun, traceparent: string | undefined, depth: number): Functions;
  /** Makes the stacks and the connections' limits of a plan known. */
  learn(accountId: string, plan: FlowPlan): void;
}

/** What a task says about the run that it stands for. */
export interface RunOfTask {
  readonly runId: string;
  readonly testMode: boolean;
  readonly exportId?: string;
  readonly lastExportDateTime?: string | null;
  readonly currentExportDateTime?: string;
}

/** What one try-out works with. */
export interface TryOutContext {
  readonly world: TryOutWorld;
  readonly header: TryOutHeader;
  readonly host: ConnectorHost;
  readonly traceparent: string | undefined;
  /** Aborted when nobody waits any more. */
  readonly signal: AbortSignal;
  /** The plan of a task, with its connections as this worker knows them already; its limits are registered. */
  planOf(task: { readonly plan: object }): FlowPlan;
  /** A run that is canceled with the try-out. */
  runOf(task: RunOfTask, plan: FlowPlan): LoadedRun;
  functionsOf(plan: FlowPlan, run: LoadedRun): Functions;
}
