import type { CompileFlow } from '../program.js';
import { CompileFailures } from './compile-failures.js';
import { compileProgram } from './compile-program.js';

/**
 * Compiles the page processors of a plan by themselves, for whoever brings records of their own: there is no generator.
 */
export const compileProcessors: CompileFlow = (plan) => {
  const failures = new CompileFailures();
  const program = compileProgram(plan, failures);
  if (failures.list.length > 0) return { failures: failures.list };
  const stepIds = program.instructions.flatMap((at) => ('stepId' in at ? [at.stepId] : []));
  return { generators: new Map(), program, stepIds: [...new Set(stepIds)] };
};
