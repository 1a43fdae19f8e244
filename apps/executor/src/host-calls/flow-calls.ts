import type { Bus } from '#bus';
import { offers, queuedRuns } from '#contracts';
import { type Flow, type JsonRecord, newId } from '#model';
import { HostCallError } from '#sandbox';
import type { Documents, Jobs } from '#store';
import type { HostCallScope } from '../workers/protocol.js';

/** Registered by the gateway, which refuses the same. */
const codes = { inactive: 'inactive_flow', queued: 'run_already_queued' } as const;

export interface FlowCallParts {
  readonly bus: Pick<Bus, 'offer'>;
  readonly documents: Pick<Documents, 'get'>;
  readonly jobs: Pick<Jobs, 'enqueue'>;
}

/** ISO 8601; the delta window of the run. Reference: resources §3.1. */
export interface AskedWindow {
  readonly startDate?: string | undefined;
  readonly endDate?: string | undefined;
}

/** Flows that functions of flows start; nobody waits for these runs. Reference: runtime §16.2. */
export class FlowCalls {
  constructor(private readonly parts: FlowCallParts) {}

  /** @throws HostCallError `resource_not_found`, `inactive_flow`, `run_already_queued` (decision 5) */
  async run({ accountId, traceparent }: HostCallScope, flowId: string, window: AskedWindow): Promise<JsonRecord> {
    const { bus, documents, jobs } = this.parts;
    // Documents were validated when they were written (parse at the edge, once).
    const flow = (await documents.get(accountId, 'flows', flowId)) as unknown as Flow | null;
    if (!flow) throw new HostCallError('resource_not_found', `There is no flow ${flowId}.`);
    if (flow.disabled === true || flow.isAbstract === true) {
      throw new HostCallError(codes.inactive, 'The flow is disabled, or abstract.');
    }
    const jobId = newId();
    const isQueued = await jobs.enqueue({
      jobId,
      accountId,
      flowId,
      integrationId: flow._integrationId ?? null,
      triggeredBy: 'manual',
      userId: null,
      traceId: traceparent?.split('-')[1] ?? null,
      request: {
        ...(window.startDate === undefined && window.endDate === undefined ? {} : { export: { ...window } }),
        ...(traceparent === undefined ? {} : { traceparent }),
      },
      ...(flow.maxConcurrentRuns === undefined ? {} : { maxConcurrentRuns: flow.maxConcurrentRuns }),
    });
    if (!isQueued) {
      throw new HostCallError(codes.queued, 'A run of this flow is waiting already.');
    }
    const runs = [{ accountId, flowId, jobId }];
    bus.offer(offers.runsQueued, Buffer.from(queuedRuns.encode({ v: 1, runs })).toString());
    return { _jobId: jobId };
  }
}
