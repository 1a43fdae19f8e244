import type { TryOutReply, TryOutStepReport, TryOutTaskOf } from '#contracts';
import type { Continuation, PageRecord, PageRun, StepCounts } from '#engine';
import { withCalls } from '../workers/call-log.js';
import { loadPlan, type LoadedPlan } from '../workers/loaded-plan.js';
import { Exchanges } from './exchanges.js';
import { MockedEffects, mockedRecords } from './mocked-effects.js';
import { parseStage, rawPage, sourceContext } from './read-records.js';
import { readRaw, type RawRead } from './raw-reader.js';
import { reasonOf } from './reasons.js';
import { loadedOrRefused } from './refusal.js';
import { StageLog } from './stage-log.js';
import type { TryOutContext } from './try-out-context.js';
import type { WatchedParts } from './watched-effects.js';

type FlowTask = TryOutTaskOf<'flow'>;
type Tally = Omit<StepCounts, 'stepId'>;

/** A page of a test run is cut at this many bytes of JSON: each of its stages shows it. */
const testPageBytes = 256 * 1024;

/**
 * One page of a flow through all of its steps. Imports are never sent, lookups are made unless they are mocked, and no
 * checkpoint moves. Reference: runtime §21.
 */
export async function testFlow(task: FlowTask, context: TryOutContext): Promise<TryOutReply> {
  const { exportId } = task;
  const plan = context.planOf(task);
  const loaded = loadedOrRefused(loadPlan(task.runId, plan, context.world.kit, context.host));
  const run = context.runOf(task, plan);
  const exchanges = new Exchanges();
  const log = new StageLog();
  const parts: WatchedParts = {
    loaded,
    run,
    context: run.contextOf(exportId),
    calls: exchanges.calls,
    traceparent: context.traceparent,
    functions: context.functionsOf(plan, run),
    locks: context.world.locks,
    watch: log.watch,
  };
  const raw = await readPage(task, parts);
  const generator = loaded.flow.generators.get(exportId)!;
  const shaped = await generator.shape(rawPage(generator, raw, 0), parts.context, parts.functions, log.watch);
  const runs = await runThrough(task, parts, shaped.records, context);
  const unread = [...raw.failures, ...(raw.ended === null ? [] : [raw.ended])];
  const tally = tallyOf(runs);
  tally.set(exportId, {
    success: shaped.records.length,
    error: shaped.failures.filter(({ warning }) => warning !== true).length + unread.length,
    ignore: shaped.ignored,
  });
  return {
    v: 1,
    kind: 'flow',
    pages: shaped.records.length === 0 ? 0 : 1,
    fatal: shaped.fatal === undefined ? raw.ended && reasonOf(raw.ended) : reasonOf(shaped.fatal),
    steps: stepsOf(loaded).map(({ stepId, type }): TryOutStepReport => {
      const asked = exchanges.stagesOf(stepId);
      return {
        stepId,
        type,
        ...(tally.get(stepId) ?? { success: 0, error: 0, ignore: 0 }),
        stages: log.stagesOf(stepId, stepId === exportId ? [...asked, parseStage(raw)] : asked),
      };
    }),
  };
}

/** One page of the generator, or what takes its place. */
async function readPage(task: FlowTask, parts: WatchedParts): Promise<RawRead> {
  const { exportId, mocks } = task;
  const { loaded, run, calls, traceparent } = parts;
  const { pageSize, groupKey } = loaded.flow.generators.get(exportId)!;
  const records = Math.max(1, pageSize);
  const mocked = mockedRecords(exportId, mocks, parts);
  if (mocked !== null)
    return { records: mocked.slice(0, records), fileMetas: [], failures: [], ended: null, next: null };
  return withCalls(calls, traceparent, () =>
    readRaw(
      loaded.sources.get(exportId)!.port,
      sourceContext(loaded, exportId, parts.context, run.signal, parts.functions),
      { cursor: null, skip: 0 },
      { records, bytes: testPageBytes, groupKey },
    ),
  );
}

/** Through checkpoints and branches, one after the other, until nothing goes on. */
async function runThrough(
  { exportId, mocks }: FlowTask,
  parts: WatchedParts,
  records: readonly PageRecord[],
  { world }: TryOutContext,
): Promise<readonly PageRun[]> {
  const { flow } = parts.loaded;
  const effects = new MockedEffects(mocks, parts);
  const waiting: Continuation[] = [{ position: flow.program.entry, records }];
  const runs: PageRun[] = [];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { position, records: some, ...copy } = next;
    const page = { generator: exportId, page: 0, ...copy };
    const outcome = await world.kit.runPage(flow, position, page, some, parts.context, effects);
    runs.push(outcome);
    waiting.push(...outcome.continuations);
  }
  return runs;
}

function tallyOf(runs: readonly PageRun[]): Map<string, Tally> {
  const tally = new Map<string, Tally>();
  for (const { counts } of runs) {
    for (const { stepId, success, error, ignore } of counts) {
      const known = tally.get(stepId) ?? { success: 0, error: 0, ignore: 0 };
      tally.set(stepId, {
        success: known.success + success,
        error: known.error + error,
        ignore: known.ignore + ignore,
      });
    }
  }
  return tally;
}

/** Steps in `oIndex` order, then routers. */
function stepsOf({ flow, plan }: LoadedPlan): Pick<TryOutStepReport, 'stepId' | 'type'>[] {
  return [
    ...flow.stepIds.map((stepId) => ({
      stepId,
      type: Object.hasOwn(plan.exports, stepId) ? ('export' as const) : ('import' as const),
    })),
    ...(plan.flow.routers ?? []).map(({ id }) => ({ stepId: id, type: 'router' as const })),
  ];
}
