import type { FlowPlan } from '#engine';
import type { Checkpoints, JobRow } from '#store';
import { isRecord } from '#model';

/** The window of a delta export. Reference: runtime §3.1. */
export interface DeltaWindow {
  /** per export; null: from the beginning of time */
  readonly lastExportDateTime: Readonly<Record<string, string | null>>;
  readonly currentExportDateTime: string;
}

/** Overrides of the start request win; else the stored checkpoint minus the lag; else `delta.startDate`. */
export async function deltaWindow(
  plan: FlowPlan,
  job: Pick<JobRow, 'request' | 'startedAt' | 'createdAt'>,
  checkpoints: Pick<Checkpoints, 'get' | 'latest'>,
): Promise<DeltaWindow> {
  const override = isRecord(job.request['export']) ? job.request['export'] : {};
  const startDate = textOf(override['startDate']);
  const lastExportDateTime: Record<string, string | null> = {};
  for (const generator of plan.flow.pageGenerators ?? []) {
    const step = generator._exportId === undefined ? undefined : plan.exports[generator._exportId];
    if (step?.type !== 'delta') continue;
    if (startDate !== null) {
      lastExportDateTime[step._id] = startDate;
      continue;
    }
    const own = await checkpoints.get(plan.flow._id, step._id);
    const behindFlow = generator._keepDeltaBehindFlowId ?? plan.flow._keepDeltaBehindFlowId;
    const behindExport = generator._keepDeltaBehindExportId ?? plan.flow._keepDeltaBehindExportId;
    const behind =
      behindFlow === undefined || own === null
        ? null
        : behindExport === undefined
          ? await checkpoints.latest(behindFlow)
          : await checkpoints.get(behindFlow, behindExport);
    const checkpoint = own !== null && behind !== null && behind < own ? behind : own;
    lastExportDateTime[step._id] =
      checkpoint === null ? (step.delta?.startDate ?? null) : minusMs(checkpoint, step.delta?.lagOffset ?? 0);
  }
  return {
    lastExportDateTime,
    currentExportDateTime: textOf(override['endDate']) ?? job.startedAt ?? job.createdAt,
  };
}

function minusMs(iso: string, ms: number): string {
  return ms === 0 ? iso : new Date(Date.parse(iso) - ms).toISOString();
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
