import type { FailureSource } from '#failures';
import type { FilterExpression, JsonRecord } from '#model';
import { compileFilter, type Filter } from '../filter/index.js';
import type { CompileFailures } from './compile-failures.js';
import { compileRequiredFunction, type FunctionPlace, type UserFunction } from './user-function.js';

export type StepFilter = { readonly keeps: Filter } | { readonly script: UserFunction };

/** Compiles a filter of a step; undefined when everything passes. Its source names its function, too. */
export function compileStepFilter(
  filter: FilterExpression | undefined,
  source: FailureSource,
  settings: Readonly<Record<string, JsonRecord>>,
  place: FunctionPlace,
  failures: CompileFailures,
): StepFilter | undefined {
  if (filter === undefined) return undefined;
  if (filter.type === 'script' || (filter.type === undefined && filter.script?._scriptId !== undefined)) {
    const script = compileRequiredFunction(filter.script, source, source, place, failures);
    return script === undefined ? undefined : { script };
  }
  const rules = filter.expression?.rules ?? filter.rules;
  if (rules === undefined || rules.length === 0) return undefined;
  const compiled = failures.take(compileFilter(rules, { settings, source }), place.step._id);
  return compiled === undefined ? undefined : { keeps: compiled.filter };
}
