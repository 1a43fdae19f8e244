import type { TryOutTaskOf } from '#contracts';
import { compileProcessors, type FlowPlan, type PageRecord, type RecordFailure } from '#engine';
import type { JsonValue } from '#model';
import { loadPlan } from '../workers/loaded-plan.js';
import { Exchanges } from './exchanges.js';
import { loadedOrRefused } from './refusal.js';
import { StageLog } from './stage-log.js';
import type { TryOutContext } from './try-out-context.js';
import type { WatchedEffects, WatchedParts } from './watched-effects.js';

export interface PassedThrough<E> {
  readonly plan: FlowPlan;
  readonly records: readonly PageRecord[];
  readonly effects: E;
  readonly log: StageLog;
  readonly exchanges: Exchanges;
  readonly failures: readonly RecordFailure[];
}

/**
 * Records that somebody brings, through one step that is a flow of its own.
 *
 * @throws Refusal for a step that cannot be executed
 */
export async function recordsThrough<E extends WatchedEffects>(
  task: TryOutTaskOf<'write' | 'lookup'>,
  stepId: string,
  context: TryOutContext,
  effectsOf: (parts: WatchedParts) => E,
): Promise<PassedThrough<E>> {
  const { world, host, traceparent } = context;
  const plan = context.planOf(task);
  const kit = { ...world.kit, compileFlow: compileProcessors };
  const loaded = loadedOrRefused(loadPlan(task.runId, plan, kit, host));
  const run = context.runOf(task, plan);
  const runContext = run.contextOf(stepId);
  const exchanges = new Exchanges();
  const log = new StageLog();
  const effects = effectsOf({
    loaded,
    run,
    context: runContext,
    calls: exchanges.calls,
    traceparent,
    functions: context.functionsOf(plan, run),
    locks: world.locks,
    watch: log.watch,
  });
  const records = task.records.map((record, index): PageRecord => ({ index, record: record as JsonValue }));
  const page = { generator: stepId, page: 0 };
  const { failures } = await world.kit.runPage(loaded.flow, 0, page, records, runContext, effects);
  return { plan, records, effects, log, exchanges, failures };
}
