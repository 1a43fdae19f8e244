import type { Flow } from '#model';
import { compileSlots, isSlots, type Slots } from './slots.js';

/** One schedule: of a flow, or of one of its page generators. */
export interface ScheduleEntry {
  /** `<flowId>` or `<flowId>/<exportId>` */
  readonly key: string;
  readonly accountId: string;
  readonly flowId: string;
  readonly integrationId: string | null;
  /** The page generator whose own schedule this is; null for the flow's. */
  readonly exportId: string | null;
  /** Page generators to start; null is all. */
  readonly exportIds: readonly string[] | null;
  readonly maxConcurrentRuns: number;
  /** Schedule and zone as text: entries with the same keep their next slot. */
  readonly signature: string;
  readonly slots: Slots;
  /** Slots up to here belong to an earlier state of the flow: enabling a flow runs it at its next slot. */
  readonly validFromMs: number;
}

export interface InvalidSchedule {
  readonly flowId: string;
  readonly exportId: string | null;
  readonly problem: string;
}

/**
 * Schedules of an enabled flow. A page generator's own schedule replaces the flow's for that generator: it starts a run
 * of that generator alone, and the flow's schedule starts the others. Reference: runtime §19, resources §3.3.
 */
export function schedulesOf(
  accountId: string,
  flow: Flow & { readonly _id: string },
): { readonly entries: readonly ScheduleEntry[]; readonly invalid: readonly InvalidSchedule[] } {
  const entries: ScheduleEntry[] = [];
  const invalid: InvalidSchedule[] = [];
  if (flow.disabled === true || flow.isAbstract === true) return { entries, invalid };
  const zone = flow.timezone ?? null;
  const add = (schedule: string, exportId: string | null, exportIds: readonly string[] | null): void => {
    const slots = compileSlots(schedule, zone);
    if (!isSlots(slots)) {
      invalid.push({ flowId: flow._id, exportId, problem: slots.problem });
      return;
    }
    entries.push({
      key: exportId === null ? flow._id : `${flow._id}/${exportId}`,
      accountId,
      flowId: flow._id,
      integrationId: flow._integrationId ?? null,
      exportId,
      exportIds,
      maxConcurrentRuns: flow.maxConcurrentRuns ?? 1,
      signature: `${schedule} ${zone ?? ''} ${exportIds?.join() ?? ''}`,
      slots,
      validFromMs: flow.lastModified === undefined ? -Infinity : Date.parse(flow.lastModified),
    });
  };
  const generators = (flow.pageGenerators ?? []).filter((generator) => generator._exportId !== undefined);
  const withOwn = generators.filter((generator) => generator.schedule);
  for (const { schedule, _exportId } of withOwn) if (schedule && _exportId) add(schedule, _exportId, [_exportId]);
  const others = generators.filter((generator) => !generator.schedule);
  const hasOthers = others.length > 0 || generators.length === 0;
  if (flow.schedule && hasOthers) {
    add(flow.schedule, null, withOwn.length === 0 ? null : others.flatMap((g) => (g._exportId ? [g._exportId] : [])));
  }
  return { entries, invalid };
}
