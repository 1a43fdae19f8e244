import type { CompileFlow, Instruction } from '../program.js';
import { CompileFailures } from './compile-failures.js';
import { compileImport } from './compile-step.js';

/**
 * Compiles the imports of a plan by themselves, one after the other, for whoever brings records of their own: there is no
 * generator, and no response is mapped.
 */
export const compileImportAlone: CompileFlow = (plan) => {
  const failures = new CompileFailures();
  const instructions = Object.values(plan.imports).map((target, at): Instruction => ({
    op: 'import',
    stepId: target._id,
    step: compileImport(plan, { type: 'import', _importId: target._id }, target, failures),
    next: at + 1,
  }));
  if (failures.list.length > 0) return { failures: failures.list };
  return {
    generators: new Map(),
    program: { instructions: [...instructions, { op: 'end' }], entry: 0 },
    stepIds: Object.keys(plan.imports),
  };
};
