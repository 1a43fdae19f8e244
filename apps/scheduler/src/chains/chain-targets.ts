import type { Flow } from '#model';

/** A flow to start after another, with the page generators to start; null starts all. */
export interface ChainTarget {
  readonly flowId: string;
  readonly exportIds: readonly string[] | null;
}

/**
 * What starts after a run of this flow completed: whole flows (`_runNextFlowIds`) and single page generators
 * (`_runNextExportIds`), those of one flow in one run. A flow that is named both ways starts whole.
 * Reference: runtime §19, resources §3.2.
 */
export function chainTargetsOf(flow: Pick<Flow, '_runNextFlowIds' | '_runNextExportIds'>): readonly ChainTarget[] {
  const whole = new Set(flow._runNextFlowIds ?? []);
  const single = new Map<string, Set<string>>();
  for (const { _flowId, _exportId } of flow._runNextExportIds ?? []) {
    if (whole.has(_flowId)) continue;
    const exportIds = single.get(_flowId) ?? new Set();
    single.set(_flowId, exportIds.add(_exportId));
  }
  return [
    ...[...whole].map((flowId) => ({ flowId, exportIds: null })),
    ...[...single].map(([flowId, exportIds]) => ({ flowId, exportIds: [...exportIds] })),
  ];
}
