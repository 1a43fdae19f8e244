import type { Export } from '#model';
import type { FlowPlan } from '../program.js';
import { compileGrouping } from '../grouping.js';
import { compileTraceKey } from '../trace-key.js';
import type { CompileFailures } from './compile-failures.js';
import { compileDataURI } from './data-uri.js';
import { compilePreParse } from './pre-parse.js';
import { compileShaper } from './record-shaper.js';
import { compileShape } from './shape-page.js';
import type { DetailedGenerator } from './step-details.js';
import { stepScope } from './step-scope.js';
import { compileFunction, type UserFunction } from './user-function.js';

/** Reference: resources §4.2. */
const defaultPageSize = 20;

/**
 * Compiles what happens to a generator's records between source and page: transform, output filter, preSavePage, trace key.
 * Reference: runtime §7.
 */
export function compileGenerator(
  plan: FlowPlan,
  source: Export & { readonly _id: string },
  skipRetries: boolean,
  failures: CompileFailures,
): DetailedGenerator {
  const exportId = source._id;
  const place = { plan, kind: 'export', step: source } as const;
  const scope = stepScope(plan, 'export', source);
  const shaper = compileShaper(source.transform, source.filter, scope, place, failures, 'transform', onceField(source));
  const preParse = compileFunction(source.hooks?.preParse, 'preParse', 'pre_parse_hook', place, failures);
  const preSavePage = compileFunction(source.hooks?.preSavePage, 'preSavePage', 'pre_save_page_hook', place, failures);
  // What errors can derive later from the record as it is then need not travel with every record.
  const traceKey = namesLater(plan, source) ? null : compileTraceKey(source.traceKeyTemplate, scope);
  const skips = skipRetries || source.skipRetries === true;
  const dataURI = compileDataURI(source.dataURITemplate, scope);
  const groupKey = compileGrouping(source);
  return {
    exportId,
    ...(groupKey === undefined ? {} : { groupKey }),
    ...(preParse === undefined ? {} : { preParse: compilePreParse(preParse) }),
    ...(seesFiles(source, preSavePage) ? { seesFiles: true as const } : {}),
    pageSize: source.pageSize !== undefined && source.pageSize > 0 ? source.pageSize : defaultPageSize,
    skipRetries: skips,
    ...(dataURI === undefined ? {} : { dataURI }),
    shape: compileShape({
      exportId,
      ...(shaper === undefined ? {} : { shaper }),
      ...(preSavePage === undefined ? {} : { preSavePage }),
      ...(dataURI === undefined ? {} : { dataURI }),
      traceKey,
      skipRetries: skips,
    }),
  };
}

/** Where records of an export of type `once` say that they were exported. Reference: runtime §3. */
function onceField({ type, once }: Export): string | undefined {
  return type === 'once' && once?.booleanField !== '' ? once?.booleanField : undefined;
}

/** Whether somebody looks at the files that records came from: the hook, or a transform of the envelope. */
function seesFiles({ adaptorType, transform }: Export, preSavePage: UserFunction | undefined): boolean {
  const readsEnvelope = transform?.expression?.rulesTwoDotZero?.inputContext === 'envelope';
  return adaptorType === 'FileSystemExport' && (preSavePage !== undefined || readsEnvelope);
}

/** Whether a record's trace key is the same at every step: picked from its fields, which no response is merged into. */
function namesLater(plan: FlowPlan, source: Export): boolean {
  const hasTemplate = source.traceKeyTemplate !== undefined && source.traceKeyTemplate !== '';
  const inBranches = plan.flow.routers?.flatMap(({ branches }) =>
    branches.flatMap((branch) => branch.pageProcessors ?? []),
  );
  const merges = [...(plan.flow.pageProcessors ?? []), ...(inBranches ?? [])].some(
    ({ responseMapping }) => (responseMapping?.fields?.length ?? 0) + (responseMapping?.lists?.length ?? 0) > 0,
  );
  return !hasTemplate && !merges;
}
