import type { FlowPlan } from '#engine';
import type { Checkpoints, JobRow, Jobs } from '#store';
import { Limiter } from '#lanes/limiter';
import type { RunPlans } from '../run-plans.js';
import type { SchedulerTelemetry } from '../telemetry.js';
import { advanceCheckpoints } from './advance-checkpoints.js';
import { chainTargetsOf } from './chain-targets.js';
import { startChain, type StartChainDeps } from './start-chain.js';

export interface FollowRunsDeps extends StartChainDeps {
  readonly jobs: Pick<Jobs, 'enqueue' | 'unfollowed' | 'markFollowed'>;
  readonly checkpoints: Checkpoints;
  readonly runPlans: RunPlans;
  readonly telemetry: SchedulerTelemetry;
}

const batchSize = 500;
/** Marking coalesces, so it takes many at a time to make it one statement. */
const maxConcurrent = 256;

/**
 * Draws the consequences of final runs: delta checkpoints advance and the next flows start, after completed runs only
 * (record errors do not matter). Each consequence is idempotent, and a run is marked as followed after them, so a crash in
 * between repeats them without effect. Runs of which {@link nothingFollows} are marked from their start.
 */
export async function followRuns(deps: FollowRunsDeps): Promise<void> {
  const limiter = new Limiter(maxConcurrent);
  for (;;) {
    const runs = await deps.jobs.unfollowed(batchSize);
    const followed = await Promise.all(runs.map((run) => limiter.run(() => followSafely(deps, run))));
    // Runs that failed to be followed come again; only a batch that made progress is worth asking for more at once.
    if (runs.length < batchSize || !followed.includes(true)) return;
  }
}

async function followSafely(deps: FollowRunsDeps, run: JobRow): Promise<boolean> {
  try {
    if (run.status === 'completed' && run.type === 'flow') await followCompleted(deps, run);
    return await deps.jobs.markFollowed(run._id);
  } catch (error) {
    deps.telemetry.failed('the consequences of a run could not be drawn; trying again', error, { runId: run._id });
    return false;
  }
}

async function followCompleted(deps: FollowRunsDeps, run: JobRow): Promise<void> {
  const started = await deps.runPlans.get(run._id);
  if (!started) throw new Error(`The plan of the completed run ${run._id} is missing.`);
  const { plan } = started;
  // Checkpoints first: a chained flow may be held behind this one.
  await advanceCheckpoints(deps.checkpoints, run, plan);
  for (const target of chainTargetsOf(plan.flow)) await startChain(deps, run, target);
}

/** Whether the end of a run of this plan has no consequences, whatever it is. */
export function nothingFollows({ flow, exports }: FlowPlan): boolean {
  const movesCheckpoint = (flow.pageGenerators ?? []).some(
    ({ _exportId }) => _exportId !== undefined && exports[_exportId]?.type === 'delta',
  );
  return !movesCheckpoint && chainTargetsOf(flow).length === 0;
}
