import type { FlowPlan } from '#engine';

/**
 * The generators that a run executes, in order; their index is the `ordinal` in messages. The plan holds exactly those
 * that the start asked for.
 */
export function generatorsOf(plan: FlowPlan): readonly string[] {
  return (plan.flow.pageGenerators ?? []).flatMap((g) => (g._exportId === undefined ? [] : [g._exportId]));
}
