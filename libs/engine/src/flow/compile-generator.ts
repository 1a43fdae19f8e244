import type { Export } from '#model';
import { compileTransform } from '../transform/index.js';
import { compileRecordContext } from '../expressions/template-scope.js';
import type { FlowPlan, PageRecord, RecordFailure } from '../program.js';
import { compileTemplate } from '../template/index.js';
import { compileTraceKey, pickTraceKey } from '../trace-key.js';
import type { CompileFailures } from './compile-failures.js';
import type { DetailedGenerator } from './step-details.js';
import { compileStepFilter } from './step-filter.js';
import { stepScope } from './step-scope.js';

/** Reference: resources §4.2. */
const defaultPageSize = 20;

/**
 * Compiles what happens to a generator's records between source and page: transform, output filter, trace key.
 * Reference: runtime §7.
 */
export function compileGenerator(
  plan: FlowPlan,
  source: Export & { readonly _id: string },
  skipRetries: boolean,
  failures: CompileFailures,
): DetailedGenerator {
  const exportId = source._id;
  failures.refuseHook('preSavePage', source.hooks?.preSavePage, exportId);
  failures.refuseHook('preParse', source.hooks?.preParse, exportId);
  if ((source.groupByFields?.length ?? 0) > 0 && source.skipGrouping !== true) {
    failures.add('not_supported', 'Grouping of records is not supported yet.', exportId);
  }
  const scope = stepScope(plan, 'export', source);
  const transform = failures.take(compileTransform(source.transform, scope), exportId);
  const map = transform !== undefined && 'map' in transform ? transform.map : undefined;
  const filter = compileStepFilter(source.filter, 'output_filter', scope.settings, exportId, failures);
  // What errors can derive later from the record as it is then need not travel with every record.
  const traceKey = namesLater(plan, source) ? null : compileTraceKey(source.traceKeyTemplate, scope);
  const noRetry = skipRetries || source.skipRetries === true;
  const dataURI = compileDataURI(source.dataURITemplate, scope);
  return {
    exportId,
    pageSize: source.pageSize !== undefined && source.pageSize > 0 ? source.pageSize : defaultPageSize,
    skipRetries: noRetry,
    ...(dataURI === undefined ? {} : { dataURI }),
    shape: (raw, run) => {
      const records: PageRecord[] = [];
      const failed: RecordFailure[] = [];
      let ignored = 0;
      for (let index = 0; index < raw.length; index += 1) {
        const input = raw[index]!;
        const mapped = map === undefined ? { value: input } : map(input, run);
        const passes = 'failure' in mapped ? mapped.failure : filter === undefined || filter(mapped.value);
        if (passes === false) {
          ignored += 1;
        } else if (passes === true && 'value' in mapped) {
          const record = mapped.value;
          records.push(traceKey === null ? { index, record } : { index, record, traceKey: traceKey(record, run) });
        } else if (typeof passes === 'object') {
          failed.push({
            stepId: exportId,
            index,
            failure: passes,
            traceKey: pickTraceKey(input),
            retryRecord: noRetry ? null : input,
            stage: 'page_generator',
            ...withDataURI(dataURI?.(input, run)),
          });
        }
      }
      return { records, ignored, failures: failed };
    },
  };
}

/** Whether a record's trace key is the same at every step: picked from its fields, which no response is merged into. */
function namesLater(plan: FlowPlan, source: Export): boolean {
  const hasTemplate = source.traceKeyTemplate !== undefined && source.traceKeyTemplate !== '';
  const merges = plan.flow.pageProcessors?.some(
    ({ responseMapping }) => (responseMapping?.fields?.length ?? 0) + (responseMapping?.lists?.length ?? 0) > 0,
  );
  return !hasTemplate && merges !== true;
}

function withDataURI(uri: string | undefined): { readonly exportDataURI?: string } {
  return uri === undefined ? {} : { exportDataURI: uri };
}

/** A data URI is a convenience of error lists: one that cannot be rendered is left out, the error it belongs to is not. */
function compileDataURI(text: string | undefined, scope: ReturnType<typeof stepScope>): DetailedGenerator['dataURI'] {
  if (text === undefined || text === '') return undefined;
  const template = compileTemplate(text, { target: 'uri', source: 'resource', purpose: 'data URI' });
  const context = compileRecordContext(scope, template.roots);
  return (record, run) => {
    const uri = template.render(context(record, run), run);
    return typeof uri === 'string' ? uri : undefined;
  };
}
