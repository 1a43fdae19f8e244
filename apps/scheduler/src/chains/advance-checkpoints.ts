import type { FlowPlan } from '#engine';
import type { Checkpoints, JobRow } from '#store';
import { parseRunRequest } from '../start-run/run-request.js';

/**
 * Moves the delta checkpoints of a completed run to the end of its window: the start of the run, or the `endDate` that
 * was asked for if that is earlier. Only completed runs get here, so a failed run is repeated from the old checkpoint.
 * A run that was asked to begin after the checkpoint leaves it alone, or what lies between would never be read.
 * Reference: runtime §3.1.
 */
export async function advanceCheckpoints(checkpoints: Checkpoints, run: JobRow, plan: FlowPlan): Promise<void> {
  const { startDate, endDate } = parseRunRequest(run.request);
  const startedAt = run.startedAt ?? run.createdAt;
  const windowEnd = endDate !== null && Date.parse(endDate) < Date.parse(startedAt) ? toIso(endDate) : startedAt;
  const { flow } = plan;
  for (const generator of flow.pageGenerators ?? []) {
    const exportId = generator._exportId;
    if (!exportId || plan.exports[exportId]?.type !== 'delta') continue;
    if (startDate !== null) {
      const current = await checkpoints.get(run._flowId, exportId);
      if (current !== null && Date.parse(startDate) > Date.parse(current)) continue;
    }
    const behindFlowId = generator._keepDeltaBehindFlowId ?? flow._keepDeltaBehindFlowId;
    const behindExportId = generator._keepDeltaBehindExportId ?? flow._keepDeltaBehindExportId;
    const to = await heldBehind(
      checkpoints,
      windowEnd,
      behindFlowId ?? (behindExportId && run._flowId),
      behindExportId,
    );
    if (to !== null) await checkpoints.advance(run.accountId, run._flowId, exportId, to);
  }
}

/** The checkpoint never passes the one it is held behind; null while that one has none. */
async function heldBehind(
  checkpoints: Checkpoints,
  to: string,
  flowId: string | undefined,
  exportId: string | undefined,
): Promise<string | null> {
  if (!flowId) return to;
  const limit = exportId ? await checkpoints.get(flowId, exportId) : await checkpoints.latest(flowId);
  if (limit === null) return null;
  return Date.parse(limit) < Date.parse(to) ? limit : to;
}

function toIso(date: string): string {
  return new Date(date).toISOString();
}
