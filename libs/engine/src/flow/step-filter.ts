import type { FailureSource } from '#failures';
import type { FilterExpression, JsonRecord } from '#model';
import { compileFilter, type Filter } from '../filter/index.js';
import type { CompileFailures } from './compile-failures.js';

/** Compiles a filter of a step; undefined when everything passes. */
export function compileStepFilter(
  filter: FilterExpression | undefined,
  source: FailureSource,
  settings: Readonly<Record<string, JsonRecord>>,
  stepId: string,
  failures: CompileFailures,
): Filter | undefined {
  if (filter === undefined) return undefined;
  if (filter.type === 'script' || (filter.type === undefined && filter.script?._scriptId !== undefined)) {
    failures.add('not_supported', 'Filter scripts are not supported yet.', stepId);
    return undefined;
  }
  const rules = filter.expression?.rules ?? filter.rules;
  if (rules === undefined || rules.length === 0) return undefined;
  return failures.take(compileFilter(rules, { settings, source }), stepId)?.filter;
}
