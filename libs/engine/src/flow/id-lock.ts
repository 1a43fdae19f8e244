import type { Failure } from '#failures';
import type { JsonValue } from '#model';
import { compileRecordContext, type TemplateScope } from '../expressions/template-scope.js';
import type { RunContext } from '../run-context.js';
import { compileTemplate } from '../template/index.js';

/**
 * Names what a record is about: records of one name are never sent at the same time. Empty: the record shares nothing. One
 * that cannot be rendered fails its record, which could otherwise meet another. Reference: runtime §9.3.
 */
export type IdLock = (record: JsonValue, run: RunContext) => string | Failure;

export function compileIdLock(text: string | undefined, scope: TemplateScope): IdLock | undefined {
  if (text === undefined || text === '') return undefined;
  const template = compileTemplate(text, { target: 'text', source: 'resource', purpose: 'id lock' });
  const context = compileRecordContext(scope, template.roots);
  return (record, run) => template.render(context(record, run), run);
}
