import type { Failure } from '#failures';
import type { JsonValue } from '#model';
import type { Functions } from '../functions.js';
import type { CompiledGenerator, PageRecord, RawPage, RecordFailure, ShapedPage } from '../program.js';
import type { RunContext } from '../run-context.js';
import { pickTraceKey, type TraceKey } from '../trace-key.js';
import type { StageEntry, StageWatch } from '../stages.js';
import { ofFile, type RecordShaper, type Shaped, shapePage } from './record-shaper.js';
import { savePage, type FailedEarly } from './save-page.js';
import type { DetailedGenerator } from './step-details.js';
import type { UserFunction } from './user-function.js';

export interface ShapeParts {
  readonly exportId: string;
  readonly shaper?: RecordShaper;
  readonly preSavePage?: UserFunction;
  readonly dataURI?: DetailedGenerator['dataURI'];
  /** null: records are named when an error needs it */
  readonly traceKey: TraceKey | null;
  readonly skipRetries: boolean;
}

const stage = 'page_generator';

/** transform → output filter → preSavePage → trace key. Reference: runtime §7. */
export function compileShape(parts: ShapeParts): CompiledGenerator['shape'] {
  const { shaper, preSavePage } = parts;
  if (shaper?.hasScripts !== true && preSavePage === undefined) {
    const shapeOf = shaper?.shape;
    return (page, run, functions, watch) => {
      const { records, fileMetas } = page;
      if (watch !== undefined) return shapeByPage(parts, page, run, functions, watch);
      if (shapeOf === undefined) return pageOf(parts, records, null, run);
      return pageOf(parts, records, (at) => shapeOf(records[at]!, ofFile(run, fileMetas?.[at])), run);
    };
  }
  return (page, run, functions, watch) => shapeByPage(parts, page, run, functions, watch);
}

/** Where scripts take part, or somebody watches, stages work on whole pages. */
async function shapeByPage(
  parts: ShapeParts,
  page: RawPage,
  run: RunContext,
  functions: Functions,
  watch: StageWatch | undefined,
): Promise<ShapedPage> {
  const { exportId, shaper, preSavePage } = parts;
  const raw = page.records;
  const shaped: readonly Shaped[] =
    shaper === undefined
      ? raw.map((value) => ({ value }))
      : await shapePage(shaper, raw, run, functions, exportId, watch, page.fileMetas);
  const unsaved = pageOf(parts, raw, (at) => shaped[at]!, run);
  if (preSavePage === undefined) return unsaved;
  const saved = await save(parts, preSavePage, unsaved, page, run, functions);
  watch?.({ stepId: exportId, name: 'preSavePageHook', entries: savedEntries(unsaved, saved) });
  return saved;
}

/** The hook gives records for records, not one for one: they are shown side by side, its own errors behind them. */
function savedEntries(unsaved: ShapedPage, saved: ShapedPage): readonly StageEntry[] {
  const length = Math.max(unsaved.records.length, saved.records.length);
  const pairs = Array.from({ length }, (_, index): StageEntry => {
    const input = unsaved.records[index]?.record;
    const output = saved.records[index]?.record;
    return { index, ...(input === undefined ? {} : { input }), ...(output === undefined ? {} : { output }) };
  });
  const known = new Set(unsaved.failures.map(({ failure }) => failure));
  const found = [
    ...saved.failures.map(({ failure }) => failure).filter((failure) => !known.has(failure)),
    ...(saved.fatal === undefined ? [] : [saved.fatal]),
  ];
  return [...pairs, ...found.map((failure, at): StageEntry => ({ index: length + at, failures: [failure] }))];
}

/** @param shapedAt what became of each raw record; null: they pass as they are */
function pageOf(
  parts: ShapeParts,
  raw: readonly JsonValue[],
  shapedAt: ((at: number) => Shaped) | null,
  run: RunContext,
): ShapedPage {
  const records: PageRecord[] = [];
  const failures: RecordFailure[] = [];
  let ignored = 0;
  for (let index = 0; index < raw.length; index += 1) {
    const input = raw[index]!;
    const shaped = shapedAt === null ? { value: input } : shapedAt(index);
    if (shaped === null) ignored += 1;
    else if ('failure' in shaped) failures.push(failureOf(parts, index, shaped.failure, input, run));
    else records.push(recordOf(parts, index, shaped.value, run));
  }
  return { records, ignored, failures };
}

function recordOf({ traceKey }: ShapeParts, index: number, record: JsonValue, run: RunContext): PageRecord {
  return traceKey === null ? { index, record } : { index, record, traceKey: traceKey(record, run) };
}

function failureOf(
  { exportId, skipRetries, dataURI }: ShapeParts,
  index: number,
  failure: Failure,
  record: JsonValue,
  run: RunContext,
): RecordFailure {
  const uri = dataURI?.(record, run);
  return {
    stepId: exportId,
    index,
    failure,
    traceKey: pickTraceKey(record),
    retryRecord: skipRetries ? null : record,
    stage,
    ...(uri === undefined ? {} : { exportDataURI: uri }),
  };
}

/**
 * Records are named anew by their place in what the hook returned; those that it took out count as ignored, unless it
 * reported them as errors (decision 1).
 */
async function save(
  parts: ShapeParts,
  hook: UserFunction,
  page: ShapedPage,
  { records: raw, index: pageIndex, fileMetas }: RawPage,
  run: RunContext,
  functions: Functions,
): Promise<ShapedPage> {
  const data = page.records.map(({ record }) => record);
  const errors = page.failures.map(({ failure, traceKey, index }): FailedEarly => ({
    failure,
    traceKey,
    record: raw[index]!,
  }));
  const files = fileMetas && page.records.map(({ index }) => ({ fileMeta: fileMetas[index] ?? {} }));
  const unsaved = { data, errors, pageIndex, stage, ...(files === undefined ? {} : { files }) };
  const saved = await savePage(hook, unsaved, run, functions);
  if ('failure' in saved) return { records: [], ignored: 0, failures: [], fatal: saved.failure };
  const records = saved.data.map((record, index) => recordOf(parts, index, record, run));
  const left = saved.errors.map(({ at, failure }) => ({ ...page.failures[at]!, failure }));
  // Behind the raw records, so that no two errors of a page have one name.
  const found = saved.found.map(({ failure, retryData }, at) =>
    failureOf(parts, raw.length + at, failure, retryData, run),
  );
  const gone = page.records.length + page.failures.length - left.length - found.length - records.length;
  return {
    records,
    ignored: page.ignored + Math.max(0, gone),
    failures: [...left, ...found],
    ...(saved.abort ? { isLast: true } : {}),
  };
}
