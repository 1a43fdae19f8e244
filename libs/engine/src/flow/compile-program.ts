import { countCopies, orderRouters, type Flow, type PageProcessor, type Router } from '#model';
import type { CompiledBranch, FlowPlan, Instruction, PageProgram, Position } from '../program.js';
import type { CompileFailures } from './compile-failures.js';
import { compileChoice } from './compile-router.js';
import { compileImport, compileLookup } from './compile-step.js';

type StepInstruction = Extract<Instruction, { readonly stepId: string }>;

/**
 * Compiles what pages run through, flat. Processor n of a linear flow stands at position n, the end behind the last. A
 * router stands where the steps of its branches follow, branch by branch; the last step of a branch leads to its next
 * router, which stands there once however many branches lead to it. Routers that nothing leads to are left out: the
 * first router is the entry. Reference: runtime §17.
 */
export function compileProgram(plan: FlowPlan, failures: CompileFailures): PageProgram {
  const routers = reachableRouters(plan.flow, failures);
  if (routers.length === 0) return compileLinear(plan, failures);
  const copies = countCopies(routers);
  const { places, end } = place(plan.flow, routers);
  const steps = new StepCompiler(plan, copies.get(routers[0]!.id) ?? 1, failures);
  const instructions: Instruction[] = [];
  for (const { router, index, branches } of places.values()) {
    const waysOut = router.branches.map(({ nextRouterId }) => places.get(nextRouterId ?? '')?.fork ?? end);
    let copyOffset = 0;
    const compiled = router.branches.map(({ pageProcessors, nextRouterId }, at): CompiledBranch => {
      const isEmpty = (pageProcessors ?? []).length === 0;
      const branch = { position: isEmpty ? waysOut[at]! : branches[at]!, copyOffset };
      if (router.routeRecordsTo === 'all_matching_branches') copyOffset += copies.get(nextRouterId ?? '') ?? 1;
      return branch;
    });
    const choose = compileChoice(router, plan, failures);
    instructions.push({ op: 'fork', routerId: router.id, router: { index, branches: compiled, choose } });
    router.branches.forEach(({ pageProcessors }, at) => {
      instructions.push(...steps.chain(pageProcessors ?? [], branches[at]!, waysOut[at]!));
    });
  }
  return { instructions: [...instructions, { op: 'end' }], entry: 0 };
}

function compileLinear(plan: FlowPlan, failures: CompileFailures): PageProgram {
  const processors = processorsOf(plan.flow);
  const chain = new StepCompiler(plan, 1, failures).chain(processors, 0, processors.length);
  return { instructions: [...chain, { op: 'end' }], entry: 0 };
}

/** Those that records can reach from the first router, each before those that its branches lead to. */
function reachableRouters(flow: Flow, failures: CompileFailures): readonly Router[] {
  const routers = flow.routers ?? [];
  const [entry] = routers;
  if (entry === undefined) return [];
  if ((flow.pageProcessors ?? []).length > 0) {
    failures.add('invalid_flow', 'A flow has either pageProcessors or routers, not both.');
  }
  const ordered = orderRouters(routers);
  if (ordered === null) {
    failures.add('invalid_flow', 'The routers of a flow must not lead back to themselves.');
    return [];
  }
  const reached = new Set([entry.id]);
  for (const { id, branches } of ordered) {
    if (!reached.has(id)) continue;
    for (const { nextRouterId } of branches) if (nextRouterId !== undefined) reached.add(nextRouterId);
  }
  return ordered.filter(({ id }) => reached.has(id));
}

interface Place {
  readonly router: Router;
  /** of the router in its flow */
  readonly index: number;
  readonly fork: Position;
  /** where the steps of each branch begin */
  readonly branches: readonly Position[];
}

/** Gives every router and step its position, in the order in which users list them; the entry is the first. */
function place(
  flow: Flow,
  reachable: readonly Router[],
): { readonly places: ReadonlyMap<string, Place>; readonly end: Position } {
  const reached = new Set(reachable);
  const places = new Map<string, Place>();
  let next = 0;
  for (const [index, router] of (flow.routers ?? []).entries()) {
    if (!reached.has(router)) continue;
    const fork = next++;
    const branches = router.branches.map(({ pageProcessors }) => {
      const start = next;
      next += (pageProcessors ?? []).length;
      return start;
    });
    places.set(router.id, { router, index, fork, branches });
  }
  return { places, end: next };
}

/** Compiles the steps of one program; a step that the flow names again is told apart from its turns before. */
class StepCompiler {
  readonly #turns = new Map<string, number>();

  constructor(
    private readonly plan: FlowPlan,
    /** copies of one record that may come to a step in one turn */
    private readonly copies: number,
    private readonly failures: CompileFailures,
  ) {}

  chain(processors: readonly PageProcessor[], start: Position, wayOut: Position): readonly Instruction[] {
    return processors.map((processor, at): Instruction => {
      const isLast = at === processors.length - 1;
      const step = compileProcessor(this.plan, processor, isLast ? wayOut : start + at + 1, this.failures);
      // The plan is refused; what stands in for the step only keeps the positions behind it.
      if (step === null) return { op: 'end' };
      const turn = this.#turns.get(step.stepId) ?? 0;
      this.#turns.set(step.stepId, turn + 1);
      return turn === 0 ? step : { ...step, copyOffset: turn * this.copies };
    });
  }
}

function compileProcessor(
  plan: FlowPlan,
  processor: PageProcessor,
  next: Position,
  failures: CompileFailures,
): StepInstruction | null {
  if (processor.type === 'export') {
    const stepId = processor._exportId;
    const document = stepId === undefined ? undefined : plan.exports[stepId];
    if (stepId !== undefined && document !== undefined) {
      return { op: 'lookup', stepId, step: compileLookup(plan, processor, document, failures), next };
    }
    failures.add('invalid_flow', 'A lookup has no export.', stepId);
    return null;
  }
  const stepId = processor._importId;
  const document = stepId === undefined ? undefined : plan.imports[stepId];
  if (stepId !== undefined && document !== undefined) {
    return { op: 'import', stepId, step: compileImport(plan, processor, document, failures), next };
  }
  failures.add('invalid_flow', 'A page processor has no import.', stepId);
  return null;
}

/** The legacy two-step form of a flow is still accepted. Reference: resources §3.2. */
function processorsOf(flow: Flow): readonly PageProcessor[] {
  const processors = flow.pageProcessors ?? [];
  return processors.length > 0 || flow._importId === undefined
    ? processors
    : [{ type: 'import', _importId: flow._importId }];
}
