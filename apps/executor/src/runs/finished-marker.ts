import type { GeneratorResult, RunFinished } from '#contracts';
import type { RunInfo } from './run-directory.js';

/** The last event of a run of which an executor knows that nothing can be left. */
export function finishedMarker(
  { runId, accountId, flowId }: Pick<GeneratorResult, 'runId' | 'accountId' | 'flowId'>,
  run: Pick<RunInfo, 'isCanceled'>,
  nowMs: number,
): RunFinished {
  const finishedAt = new Date(nowMs).toISOString();
  return { v: 1, kind: 'finished', runId, accountId, flowId, canceled: run.isCanceled, finishedAt };
}
