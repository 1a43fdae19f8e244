import type { Failure } from '#failures';
import type { JsonRecord, JsonValue } from '#model';
import type { CodeWriter } from '../code/code-writer.js';
import { compileRecordContext } from '../expressions/template-scope.js';
import { compileJsonPath } from '../paths/index.js';
import { lookupValues } from './lookups.js';
import { MappingFailure, type LookupAnswers, type LookupPlan, type ValueSource } from './plan.js';
import { pathExpression, type Scope } from './scope.js';

type TemplateSource = Extract<ValueSource, { readonly kind: 'template' }>;

/** Expression of a source's value. */
export function sourceExpression(code: CodeWriter, source: ValueSource | undefined, scope: Scope): string {
  if (source === undefined) return 'undefined';
  switch (source.kind) {
    case 'constant':
      return constantExpression(code, source.value);
    case 'path':
      return pathExpression(code, source.segments, scope);
    case 'query': {
      const get = compileJsonPath(source.path)?.get;
      return `${code.constant(get)}(${scope.whole})`;
    }
    default:
      return templateExpression(code, source, scope);
  }
}

export function constantExpression(code: CodeWriter, value: JsonValue | undefined): string {
  if (value === undefined) return 'undefined';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  // Each record gets its own copy: later steps may change what they are given.
  return `${code.constant(() => structuredClone(value))}()`;
}

function templateExpression(code: CodeWriter, { template, lookups }: TemplateSource, scope: Scope): string {
  if (template.constant !== undefined) return JSON.stringify(template.constant);
  const build = code.constant(compileRecordContext(scope.options.scope, template.roots));
  // Templates that read more than the lean names need a context of their own.
  const isShared = [...template.roots].every((root) => root === 'record' || root === 'settings');
  const context = isShared
    ? `(${scope.context} ??= ${build}(${scope.wholeRecord}, run))`
    : `${build}(${scope.wholeRecord}, run)`;
  const shown =
    lookups.length === 0 ? context : `${code.constant(withLookups)}(${context}, ${code.constant(lookups)}, answers)`;
  return `${code.constant(requireText)}(${code.constant(template.render)}(${shown}, run))`;
}

/** Reference: handlebars §4 (`lookup.name`), runtime §14. */
function withLookups(
  context: JsonRecord,
  lookups: readonly LookupPlan[],
  answers: LookupAnswers | undefined,
): JsonRecord {
  return { ...context, lookup: lookupValues(lookups, answers) };
}

function requireText(rendered: string | Failure): string {
  if (typeof rendered === 'string') return rendered;
  throw new MappingFailure(rendered);
}
