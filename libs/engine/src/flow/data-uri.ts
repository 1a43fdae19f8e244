import type { JsonValue } from '#model';
import { compileRecordContext, type TemplateScope } from '../expressions/template-scope.js';
import type { RunContext } from '../run-context.js';
import { compileTemplate } from '../template/index.js';

/** Link to a record in its application, for lists of errors. Reference: errors §2. */
export type DataURI = (record: JsonValue, run: RunContext) => string | undefined;

/** A data URI is a convenience of error lists: one that cannot be rendered is left out, the error it belongs to is not. */
export function compileDataURI(text: string | undefined, scope: TemplateScope): DataURI | undefined {
  if (text === undefined || text === '') return undefined;
  const template = compileTemplate(text, { target: 'uri', source: 'resource', purpose: 'data URI' });
  const context = compileRecordContext(scope, template.roots);
  return (record, run) => {
    const uri = template.render(context(record, run), run);
    return typeof uri === 'string' ? uri : undefined;
  };
}
