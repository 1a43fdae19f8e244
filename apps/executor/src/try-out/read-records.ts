import type { StepContext } from '#connectors';
import type { TryOutReply, TryOutStage, TryOutTaskOf } from '#contracts';
import type { CompiledGenerator, Functions, RawPage, RunContext } from '#engine';
import { sourceHooks } from '../generate/source-hooks.js';
import { withCalls } from '../workers/call-log.js';
import { inIntegration, loadPlan, type LoadedPlan } from '../workers/loaded-plan.js';
import { Exchanges } from './exchanges.js';
import { readRaw, type RawRead } from './raw-reader.js';
import { reasonOf } from './reasons.js';
import { loadedOrRefused, refused } from './refusal.js';
import { StageLog } from './stage-log.js';
import type { TryOutContext } from './try-out-context.js';

const megabyte = 1024 * 1024;
/** Records of an answer, in bytes of JSON; with stages they are in it several times. */
const answerBytes = { plain: 5 * megabyte, staged: megabyte };

/** Records of an export, as its page would hold them: a preview, an invocation or a page of a virtual export. */
export async function readRecords(task: TryOutTaskOf<'read'>, context: TryOutContext): Promise<TryOutReply> {
  const { exportId, testMode } = task;
  const plan = context.planOf(task);
  const loaded = loadedOrRefused(loadPlan(task.runId, plan, context.world.kit, context.host));
  const generator = loaded.flow.generators.get(exportId)!;
  const run = context.runOf(task, plan);
  const runContext = run.contextOf(exportId);
  const exchanges = new Exchanges();
  const functions = context.functionsOf(plan, run);
  const reading = sourceContext(loaded, exportId, runContext, run.signal, functions);
  const raw = await withCalls(exchanges.calls, context.traceparent, () =>
    readRaw(loaded.sources.get(exportId)!.port, reading, task.from, {
      records: task.maxRecords ?? (task.isWhole ? Infinity : Math.max(1, generator.pageSize)),
      bytes: testMode ? answerBytes.staged : answerBytes.plain,
      groupKey: generator.groupKey,
    }),
  );
  if (task.isWhole && raw.next !== null) {
    return refused('too_large', 'The export gives more than 5 MB. Read it page by page.');
  }
  const log = new StageLog();
  const shaped = await generator.shape(
    rawPage(generator, raw, task.pageIndex),
    runContext,
    functions,
    testMode ? log.watch : undefined,
  );
  const data = shaped.records.map(({ record }) => record);
  const failures = [
    ...raw.failures,
    ...(raw.ended === null ? [] : [raw.ended]),
    ...shaped.failures.map(({ failure }) => failure),
    ...(shaped.fatal === undefined ? [] : [shaped.fatal]),
  ];
  const dataURIs = data.map((record) => generator.dataURI?.(record, runContext) ?? '');
  const endedEarly = raw.ended !== null || shaped.fatal !== undefined;
  return {
    v: 1,
    kind: 'read',
    data,
    ...(generator.dataURI === undefined ? {} : { dataURIs }),
    errors: failures.map((failure) => reasonOf(failure)),
    stages: testMode ? [...exchanges.stagesOf(exportId), parseStage(raw), ...log.stagesOf(exportId, [])] : [],
    endedEarly,
    next: endedEarly || shaped.isLast === true ? null : raw.next,
  };
}

/** For reading the source of a generator. */
export function sourceContext(
  loaded: LoadedPlan,
  stepId: string,
  run: RunContext,
  signal: AbortSignal,
  functions: Functions,
): StepContext {
  const step = loaded.sources.get(stepId)!;
  const { connection, settings } = step;
  const hooks = sourceHooks(loaded.flow.generators.get(stepId)!, run, functions);
  return { stepId, connection, ...inIntegration(step), run, settings, signal, ...hooks };
}

export function rawPage({ seesFiles }: CompiledGenerator, { records, fileMetas }: RawRead, index: number): RawPage {
  return seesFiles === true ? { index, records, fileMetas } : { index, records };
}

/** What the application's answers held, before anything was made of it. */
export function parseStage({ records, failures, ended }: RawRead): TryOutStage {
  return {
    name: 'parse',
    output: records,
    errors: [...failures, ...(ended === null ? [] : [ended])].map((failure) => reasonOf(failure)),
  };
}
