import type { Clock, StepContext, WrittenFile } from '#connectors';
import { aggregationsOf, type Aggregation, type Functions } from '#engine';
import type { Failure } from '#failures';
import { ErrorEvents } from '../results/error-events.js';
import type { LoadedPlan } from '../workers/loaded-plan.js';
import type { AggregateResult, AggregateTask } from '../workers/protocol.js';
import type { LoadedRun } from '../workers/run-contexts.js';
import { StepTally } from './step-tally.js';

interface AggregateParts {
  readonly functions: Functions;
  readonly clock: Clock;
}

/**
 * Tells the `postAggregate` hooks of a run of its files, one call per file. A hook that fails is one error of its import; the
 * file stays. Reference: runtime §16.1.
 */
export async function aggregate(
  task: AggregateTask,
  loaded: LoadedPlan,
  run: LoadedRun,
  parts: AggregateParts,
): Promise<AggregateResult> {
  const { header } = task;
  const nowIso = (): string => new Date(parts.clock.now()).toISOString();
  const errors = new ErrorEvents(header, nowIso, task.traceparent);
  const tally = new StepTally();
  for (const aggregation of aggregationsOf(loaded.flow)) {
    for (const { name, failure } of await reported(aggregation, header.exportId, loaded, run, parts.functions)) {
      tally.addErrors(aggregation.stepId, 1);
      errors.addStep(aggregation.stepId, name, failure);
    }
  }
  return { kind: 'aggregated', steps: tally.totals(), errors: errors.encode() };
}

/** Failures by the file they are about. */
async function reported(
  aggregation: Aggregation,
  exportId: string,
  loaded: LoadedPlan,
  run: LoadedRun,
  functions: Functions,
): Promise<readonly { readonly name: string; readonly failure: Failure }[]> {
  const step = loaded.destinations.get(aggregation.stepId);
  if (step === undefined) return [];
  const context: StepContext = {
    stepId: step.stepId,
    connection: step.connection,
    run: run.contextOf(exportId),
    settings: step.settings,
    signal: run.signal,
  };
  let files: readonly WrittenFile[];
  try {
    files = (await step.port.writtenFiles?.(context)) ?? [];
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const failure: Failure = { code: 'internal_error', message, source: 'post_aggregate_hook' };
    return [{ name: 'files', failure }];
  }
  const failures: { name: string; failure: Failure }[] = [];
  for (const file of files) {
    const failure = await aggregation.report({ ...file }, context.run, functions);
    if (failure !== null) failures.push({ name: `${file.directoryPath}/${file.fileName}`, failure });
  }
  return failures;
}
