import type { Flow } from '#model';
import type { Documents, JobRow, Jobs } from '#store';
import type { AnnounceRun } from '../announce-runs.js';
import { derivedId } from '../ids.js';
import type { SchedulerTelemetry } from '../telemetry.js';
import type { ChainTarget } from './chain-targets.js';

export interface StartChainDeps {
  readonly announce: AnnounceRun;
  readonly jobs: Pick<Jobs, 'enqueue'>;
  readonly documents: Pick<Documents, 'get'>;
  readonly telemetry: SchedulerTelemetry;
}

/**
 * Queues the run of a flow that follows another. Its job id follows from the run before it, so doing this again makes no
 * second run. A target that already has a run waiting is not queued twice: the waiting run starts after this moment too.
 */
export async function startChain(deps: StartChainDeps, parent: JobRow, target: ChainTarget): Promise<void> {
  const { flowId, exportIds } = target;
  const { accountId } = parent;
  const skip = (reason: string): void => deps.telemetry.chainSkipped({ runId: parent._id, flowId, reason });
  const jobId = derivedId(`${parent._id}>${flowId}`, Date.parse(parent.endedAt ?? parent.createdAt));
  const stored = await deps.documents.get(accountId, 'flows', flowId);
  if (!stored) return skip('the flow does not exist');
  // Documents were validated when they were written.
  const flow = stored as unknown as Flow & { readonly _id: string };
  if (flow.disabled === true) return skip('the flow is disabled');
  if (flow.isAbstract === true) return skip('the flow is abstract');
  const traceparent: unknown = parent.request['traceparent'];
  const isStored = await deps.jobs.enqueue({
    jobId,
    accountId,
    flowId,
    integrationId: flow._integrationId ?? null,
    triggeredBy: 'chain',
    userId: null,
    traceId: parent.traceId,
    request: {
      ...(exportIds === null ? {} : { _exportIds: [...exportIds] }),
      ...(typeof traceparent === 'string' ? { traceparent } : {}),
    },
    maxConcurrentRuns: flow.maxConcurrentRuns ?? 1,
  });
  if (!isStored) return skip('a run of the flow is waiting already');
  deps.announce({ accountId, flowId, jobId });
}
