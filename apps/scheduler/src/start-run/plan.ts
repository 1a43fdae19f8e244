import { hash } from 'node:crypto';
import type { CompileFlow, FlowPlan } from '#engine';
import { newId, type Flow, type JobRouter } from '#model';
import { snapshot, type FlowDocuments } from '#plans';
import type { ChildJob } from '#store';

/** Why a run cannot start; becomes the failure of its job. */
interface Refusal {
  readonly code: string;
  readonly message: string;
}

/** A plan that compiles, with what starting a run of it needs. */
export interface RunnablePlan {
  /** Content hash: the same flow, unchanged, has the same plan. */
  readonly planId: string;
  readonly plan: FlowPlan;
  readonly steps: readonly Omit<ChildJob, 'jobId'>[];
  /** of the flow, uncounted */
  readonly routers: readonly JobRouter[];
}

export type PlanOutcome = { readonly runnable: RunnablePlan } | { readonly refusal: Refusal };

/**
 * Takes the snapshot that a run executes. Its page generators are exactly those that the run starts, in order of
 * execution, so that a generator's ordinal is its index in the plan.
 *
 * @param selection ids of the page generators to start (`_exportIds`); null starts all
 */
export function buildPlan(
  documents: FlowDocuments,
  selection: readonly string[] | null,
  compile: CompileFlow,
): PlanOutcome {
  const refusal = refusalOf(documents, selection);
  if (refusal) return { refusal };
  const generators = documents.flow.pageGenerators ?? [];
  const selected =
    selection === null ? generators : generators.filter((g) => g._exportId && selection.includes(g._exportId));
  const plan = snapshot(documents, { ...documents.flow, pageGenerators: selected });
  const compiled = compile(plan);
  if ('failures' in compiled) {
    const [first] = compiled.failures;
    const message = compiled.failures.map((f) => (f.stepId ? `${f.message} (step ${f.stepId})` : f.message)).join(' ');
    return { refusal: { code: first?.code ?? 'invalid_flow', message: message.slice(0, 4_000) } };
  }
  return {
    runnable: {
      planId: planIdOf(documents.accountId, plan),
      plan,
      steps: stepsOf(documents, plan, compiled.stepIds),
      routers: routersOf(plan.flow),
    },
  };
}

function routersOf({ routers = [] }: Flow): readonly JobRouter[] {
  return routers.map(({ id, name, branches }) => ({
    id,
    ...(name === undefined ? {} : { name }),
    numSuccess: 0,
    numError: 0,
    numIgnore: 0,
    branches: branches.map(({ branchId, name: branch }) => ({
      ...(branchId === undefined ? {} : { branchId }),
      name: branch,
      numRecords: 0,
    })),
  }));
}

/** Children of a new run, with ids of their own. */
export function childrenOf(runnable: RunnablePlan, nowMs: number): readonly ChildJob[] {
  return runnable.steps.map((step) => ({ ...step, jobId: newId(nowMs) }));
}

function refusalOf({ flow, missing }: FlowDocuments, selection: readonly string[] | null): Refusal | null {
  if (flow.disabled === true) return { code: 'inactive_flow', message: 'The flow is disabled.' };
  if (flow.isAbstract === true)
    return { code: 'invalid_flow', message: 'An abstract flow cannot run; run its instances.' };
  if (missing.length > 0) {
    return { code: 'invalid_flow', message: `The flow refers to what does not exist: ${missing.join(', ')}.` };
  }
  const generators = new Set((flow.pageGenerators ?? []).map((generator) => generator._exportId));
  if (generators.size === 0) return { code: 'invalid_flow', message: 'The flow has no page generator.' };
  const unknown = (selection ?? []).filter((id) => !generators.has(id));
  if (unknown.length > 0) {
    return { code: 'invalid_flow', message: `No page generators of the flow: ${unknown.join(', ')}.` };
  }
  return null;
}

/** Positions count over the whole flow, also when only some generators run: errors and jobs show the same `oIndex`. */
function stepsOf(documents: FlowDocuments, plan: FlowPlan, stepIds: readonly string[]): RunnablePlan['steps'] {
  const all = idsOf(documents.flow);
  const selected = idsOf(plan.flow);
  const steps: Omit<ChildJob, 'jobId'>[] = selected.map((stepId) => ({
    type: 'export',
    stepId,
    oIndex: all.indexOf(stepId),
  }));
  // An export may be both a generator and a lookup of the flow; it then has two children.
  const processors = new Set<string>();
  for (const [index, stepId] of stepIds.slice(selected.length).entries()) {
    if (processors.has(stepId)) continue;
    processors.add(stepId);
    steps.push({
      type: Object.hasOwn(plan.exports, stepId) ? 'export' : 'import',
      stepId,
      oIndex: all.length + index,
    });
  }
  return steps;
}

function idsOf(flow: Flow): string[] {
  return [...new Set((flow.pageGenerators ?? []).map((g) => g._exportId).filter((id) => id !== undefined))];
}

/** Binds the plan to its account, so that equal flows of two accounts never share one. */
function planIdOf(accountId: string, plan: FlowPlan): string {
  return hash('sha256', `${accountId}\n${JSON.stringify(plan)}`, 'hex').slice(0, 40);
}
