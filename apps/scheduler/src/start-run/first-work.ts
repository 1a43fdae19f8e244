import type { Bus, OutgoingMessage } from '#bus';
import { workHeader, type GenerateBody, type GenerateHeader } from '#contracts';
import type { FlowPlan } from '#engine';

export interface RunIdentity {
  readonly runId: string;
  readonly accountId: string;
  readonly flowId: string;
  readonly planId: string;
  /** W3C trace context of the run; null when it has none */
  readonly traceparent: string | null;
}

const startOfSource: GenerateBody = { cursor: null, carried: [] };
const emptyBody = new TextEncoder().encode(JSON.stringify(startOfSource));

/**
 * The messages that set a run going: the first slice of its first page generator, or of all of them at once. In
 * sequence, the executor that ends generator n publishes the first slice of n + 1. Ids are derived, so whoever publishes
 * them again publishes nothing. Reference: runtime §1.
 */
export function firstWork(run: RunIdentity, plan: FlowPlan): readonly OutgoingMessage[] {
  return firstGenerators(plan).map((exportId, ordinal) => firstSlice(run, exportId, ordinal));
}

/** Ids of the page generators that begin with the run. */
export function firstGenerators(plan: FlowPlan): readonly string[] {
  const generators = (plan.flow.pageGenerators ?? []).flatMap((g) => (g._exportId ? [g._exportId] : []));
  return plan.flow.runPageGeneratorsInParallel === true ? generators : generators.slice(0, 1);
}

/**
 * Publishes the first work of a run. Several messages travel as one atomic batch: were the first generator able to
 * finish before the second is stored, the run would look complete.
 */
export async function publishFirstWork(
  bus: Pick<Bus, 'publish' | 'publishAtomic'>,
  work: readonly OutgoingMessage[],
): Promise<void> {
  if (work.length === 1) await bus.publish(work);
  else await bus.publishAtomic(work);
}

function firstSlice(run: RunIdentity, exportId: string, ordinal: number): OutgoingMessage {
  const header: GenerateHeader = {
    v: 1,
    kind: 'slice',
    runId: run.runId,
    accountId: run.accountId,
    flowId: run.flowId,
    planId: run.planId,
    exportId,
    ordinal,
    slice: 0,
    nextPage: 0,
    totals: { pages: 0, records: 0, ignored: 0, failed: 0 },
  };
  return {
    queue: 'work.generate',
    key: run.runId,
    id: `${run.runId}/${ordinal}/0`,
    headers: {
      [workHeader]: JSON.stringify(header),
      ...(run.traceparent === null ? {} : { traceparent: run.traceparent }),
    },
    body: emptyBody,
  };
}
