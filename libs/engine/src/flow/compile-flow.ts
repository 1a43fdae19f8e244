import type { Flow, PageGenerator } from '#model';
import type { CompiledFlow, CompiledGenerator, CompileFlow, FlowPlan } from '../program.js';
import { CompileFailures } from './compile-failures.js';
import { compileGenerator } from './compile-generator.js';
import { compileProgram } from './compile-program.js';

/**
 * Compiles a plan for execution: generators by export id, and steps and routers as a flat page program.
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
  const program = compileProgram(plan, failures);
  for (const instruction of program.instructions) {
    if ('stepId' in instruction) stepIds.add(instruction.stepId);
  }
  if (failures.list.length > 0) return { failures: failures.list };
  return { generators, program, stepIds: [...stepIds] };
};

/** The legacy two-step form of a flow is still accepted. Reference: resources §3.2. */
function generatorsOf(flow: Flow): readonly PageGenerator[] {
  const generators = flow.pageGenerators ?? [];
  return generators.length > 0 || flow._exportId === undefined ? generators : [{ _exportId: flow._exportId }];
}
