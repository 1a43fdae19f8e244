import type { JsonRecord, JsonValue } from '#model';
import type { RunContext } from '../run-context.js';

/** What templates of a step see besides the record; the same for every record of a run. Reference: handlebars §3. */
export interface TemplateScope {
  /** By scope key: `integration`, `flowGrouping`, `flow`, `connection`, `export` or `import`. */
  readonly settings: Readonly<Record<string, JsonRecord>>;
  /** Root names beside the record: `connection`, `export` or `import` (documents), … */
  readonly roots: JsonRecord;
}

/** Builds the root context for one record. */
export type RecordContext = (record: JsonValue, run: RunContext) => JsonRecord;

const leanRoots: ReadonlySet<string> = new Set(['record', 'rows', 'settings', 'job', 'testMode']);

/**
 * Context of templates rendered over a record: `record` (`rows` for a grouped one), settings, job and the scope's roots.
 * The record's own fields, `data` and the other names of the older template generation cost a copy of the record; they are
 * there when the template reads any name beyond those.
 *
 * @param roots what the templates read, see `Template.roots`
 */
export function compileRecordContext(scope: TemplateScope, roots: ReadonlySet<string>): RecordContext {
  const isLean = [...roots].every((root) => leanRoots.has(root) || Object.hasOwn(scope.roots, root));
  const lean: RecordContext = (record, run) =>
    Array.isArray(record)
      ? {
          ...scope.roots,
          rows: record as readonly JsonValue[],
          record,
          settings: scope.settings,
          job: run.job,
          testMode: run.testMode,
        }
      : { ...scope.roots, record, settings: scope.settings, job: run.job, testMode: run.testMode };
  if (isLean) return lean;
  return (record, run) => ({
    lastExportDateTime: run.lastExportDateTime ?? '',
    currentExportDateTime: run.currentExportDateTime,
    ...(Array.isArray(record) ? {} : (record as JsonRecord)),
    data: [record],
    '0': record,
    templateVersion: 1,
    ...lean(record, run),
  });
}
