import type { Flow, PageGenerator, PageProcessor } from '#model';
import type { CompiledFlow, CompiledGenerator, CompileFlow, FlowPlan, Instruction } from '../program.js';
import { CompileFailures } from './compile-failures.js';
import { compileGenerator } from './compile-generator.js';
import { compileImport, compileLookup } from './compile-step.js';

/**
 * Compiles a plan for execution: generators by export id, and the processors as a flat page program. Processor n of a
 * linear flow stands at position n, the end behind the last.
 *
 * What cannot be executed as written refuses the whole plan, every reason listed (decision 28).
 */
export const compileFlow: CompileFlow = (
  plan: FlowPlan,
): CompiledFlow | { readonly failures: CompileFailures['list'] } => {
  const failures = new CompileFailures();
  const generators = new Map<string, CompiledGenerator>();
  const stepIds = new Set<string>();
  const sources = generatorsOf(plan.flow);
  if (sources.length === 0) failures.add('invalid_flow', 'The flow has no page generator.');
  for (const source of sources) {
    const exportId = source._exportId;
    const document = exportId === undefined ? undefined : plan.exports[exportId];
    if (exportId === undefined || document === undefined) {
      failures.add('invalid_flow', 'A page generator has no export.', exportId);
      continue;
    }
    stepIds.add(exportId);
    const skipRetries = source.skipRetries ?? plan.flow.skipRetries ?? false;
    generators.set(exportId, compileGenerator(plan, document, skipRetries, failures));
  }
  if ((plan.flow.routers?.length ?? 0) > 0) failures.add('not_supported', 'Routers are not supported yet.');
  const instructions: Instruction[] = [];
  for (const processor of processorsOf(plan.flow)) {
    const instruction = compileProcessor(plan, processor, instructions.length + 1, failures);
    if (instruction === null) continue;
    stepIds.add(instruction.stepId);
    instructions.push(instruction);
  }
  instructions.push({ op: 'end' });
  if (failures.list.length > 0) return { failures: failures.list };
  return { generators, program: { instructions, entry: 0 }, stepIds: [...stepIds] };
};

type StepInstruction = Extract<Instruction, { readonly stepId: string }>;

function compileProcessor(
  plan: FlowPlan,
  processor: PageProcessor,
  next: number,
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
function generatorsOf(flow: Flow): readonly PageGenerator[] {
  const generators = flow.pageGenerators ?? [];
  return generators.length > 0 || flow._exportId === undefined ? generators : [{ _exportId: flow._exportId }];
}

function processorsOf(flow: Flow): readonly PageProcessor[] {
  const processors = flow.pageProcessors ?? [];
  return processors.length > 0 || flow._importId === undefined
    ? processors
    : [{ type: 'import', _importId: flow._importId }];
}
