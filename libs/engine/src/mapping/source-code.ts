import type { Failure } from '#failures';
import type { JsonValue } from '#model';
import type { CodeWriter } from '../code/code-writer.js';
import { compileRecordContext } from '../expressions/template-scope.js';
import { compileJsonPath } from '../paths/index.js';
import type { Template } from '../template/index.js';
import { MappingFailure, type ValueSource } from './plan.js';
import { pathExpression, type Scope } from './scope.js';

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
      return templateExpression(code, source.template, scope);
  }
}

export function constantExpression(code: CodeWriter, value: JsonValue | undefined): string {
  if (value === undefined) return 'undefined';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  // Each record gets its own copy: later steps may change what they are given.
  return `${code.constant(() => structuredClone(value))}()`;
}

function templateExpression(code: CodeWriter, template: Template, scope: Scope): string {
  if (template.constant !== undefined) return JSON.stringify(template.constant);
  const build = code.constant(compileRecordContext(scope.options.scope, template.roots));
  // Templates that read more than the lean names need a context of their own.
  const isShared = [...template.roots].every((root) => root === 'record' || root === 'settings');
  const context = isShared
    ? `(${scope.context} ??= ${build}(${scope.wholeRecord}, run))`
    : `${build}(${scope.wholeRecord}, run)`;
  return `${code.constant(requireText)}(${code.constant(template.render)}(${context}, run))`;
}

function requireText(rendered: string | Failure): string {
  if (typeof rendered === 'string') return rendered;
  throw new MappingFailure(rendered);
}
