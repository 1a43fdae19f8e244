import type { Bus } from '#bus';
import type { JobRow } from '#store';
import type { RunPlans } from '../run-plans.js';
import { firstWork, publishFirstWork } from '../start-run/first-work.js';
import { parseRunRequest } from '../start-run/run-request.js';

export interface ResumeRunDeps {
  readonly bus: Pick<Bus, 'publish' | 'publishAtomic'>;
  readonly runPlans: RunPlans;
}

/**
 * Publishes the first work of a started run again, under the ids it had. Without effect while the bus remembers those
 * ids, so it must not be called later than that.
 */
export async function resumeRun(deps: ResumeRunDeps, run: JobRow): Promise<void> {
  const started = await deps.runPlans.get(run._id);
  // Without a plan nothing could ever run: the ledger's audit says so when the run is finished.
  if (!started) return;
  const { traceparent } = parseRunRequest(run.request);
  const identity = {
    runId: run._id,
    accountId: run.accountId,
    flowId: run._flowId,
    planId: started.planId,
    traceparent,
  };
  await publishFirstWork(deps.bus, firstWork(identity, started.plan));
}
