import type { PageHeader } from '#contracts';
import {
  mayGoOn as mayGoOnFrom,
  type Effects,
  type Functions,
  isPlainSuccess,
  type PageIdentity,
  pickTraceKey,
  type PageRecord,
  type PageRun,
  type RecordFailure,
  type RunContext,
  type RunPage,
  type StepCounts,
} from '#engine';
import type { Clock } from '#connectors';
import { ErrorEvents } from '../results/error-events.js';
import { continuationId } from '../work-ids.js';
import { CallLog } from '../workers/call-log.js';
import type { LoadedPlan } from '../workers/loaded-plan.js';
import type { BundleResult, BundleTask } from '../workers/protocol.js';
import type { WorkerLocks } from '../workers/worker-locks.js';
import type { HeldPage, ParsedPage, ResidentPages } from '../workers/resident-pages.js';
import type { LoadedRun } from '../workers/run-contexts.js';
import { AnsweredEffects } from './answered-effects.js';
import { atTime, type BuiltPage } from './built-page.js';
import { BundleEncoder } from './bundle-encoder.js';
import { canceledCode, StepEffects } from './step-effects.js';
import { RouterTally } from './router-tally.js';
import { StepTally } from './step-tally.js';
import { flagWriting } from './write-flags.js';

export interface BundleRunnerParts {
  readonly runPage: RunPage;
  readonly resident: ResidentPages;
  readonly clock: Clock;
  /** users' functions, of the run's plan */
  readonly functions: Functions;
  readonly locks: WorkerLocks;
}

/** Runs the pages of a bundle through the page program from where they wait, side by side; connections' permits bound them. */
export async function runBundle(
  task: BundleTask,
  pages: readonly HeldPage[],
  loaded: LoadedPlan,
  run: LoadedRun,
  parts: BundleRunnerParts,
): Promise<BundleResult> {
  const { header } = task;
  const calls = new CallLog();
  const context = run.contextOf(header.exportId);
  const effects = new StepEffects(loaded, run, context, calls, task.traceparent, parts.functions, parts.locks);
  const writeFlags = flagWriting(task, loaded, run, context, calls);
  const runs = await Promise.all(
    pages.map(async (page): Promise<PageRun> => {
      if (run.isCanceled) return interruptedRun;
      try {
        const identity = { generator: header.exportId, page: page.page, ...copyOf(header), ...contentOf(header) };
        const runPage: RunHere = (records, as, through) =>
          parts.runPage(loaded.flow, header.position, identity, records, as, through);
        const outcome = await ('built' in page
          ? runBuilt(page, identity, context, effects, runPage)
          : runPage(page.records, context, effects));
        const kept = run.isCanceled ? withoutCanceled(outcome) : outcome;
        return writeFlags === null ? kept : await writeFlags(identity, recordsOf(page), kept);
      } catch (error) {
        // A bug in one page must not repeat, with all of its requests, the pages beside it.
        return failedRun(stepAt(loaded, header), header, recordsOf(page), error);
      }
    }),
  );
  return conclude(task, pages, runs, calls, loaded, parts);
}

/** Runs the bundle's page from where it waits. */
type RunHere = (records: readonly PageRecord[], run: RunContext, effects: Effects) => Promise<PageRun>;

/**
 * Sends what was built of a page. Where that leaves more to say than that all records were accepted, the page program says
 * it, over the records: it runs as if it had sent them.
 */
async function runBuilt(
  page: BuiltPage,
  identity: PageIdentity,
  run: RunContext,
  effects: StepEffects,
  runPage: RunHere,
): Promise<PageRun> {
  const { stepId, requests, ignored, atMs } = page.built;
  const outcomes = requests.length === 0 ? [] : await effects.submitBuilt(page.built, identity);
  if (outcomes.every(isPlainSuccess)) {
    const counts = [{ stepId, success: outcomes.length, error: 0, ignore: ignored }];
    return { counts, failures: [], continuations: [], interrupted: false };
  }
  return runPage(page.records(), atTime(run, atMs), new AnsweredEffects(effects, requests, outcomes));
}

function recordsOf(page: HeldPage): readonly PageRecord[] {
  return 'built' in page ? page.records() : page.records;
}

function copyOf({ copy }: Pick<PageHeader, 'copy'>): Pick<PageHeader, 'copy'> {
  return copy === undefined ? {} : { copy };
}

function contentOf({ content }: Pick<PageHeader, 'content'>): Pick<PageHeader, 'content'> {
  return content === undefined ? {} : { content };
}

const interruptedRun: PageRun = { counts: [], failures: [], continuations: [], interrupted: true };

function failedRun(stepId: string, header: PageHeader, records: ParsedPage['records'], error: unknown): PageRun {
  const message = error instanceof Error ? error.message : String(error);
  return {
    counts: [{ stepId, success: 0, error: records.length, ignore: 0 }],
    failures: records.map((record) => ({
      stepId,
      ...copyOf(header),
      index: record.index,
      failure: { code: 'internal_error', message, source: 'internal' },
      traceKey: traceKeyOf(record),
      retryRecord: record.record,
      stage: 'page_processor_import',
    })),
    continuations: [],
    interrupted: false,
  };
}

function traceKeyOf({ record, traceKey }: PageRecord): string {
  return traceKey ?? pickTraceKey(record);
}

/** The step a bundle waits at; at a fork, the generator stands for it. */
export function stepAt(loaded: LoadedPlan, header: PageHeader): string {
  const instruction = loaded.flow.program.instructions[header.position];
  return instruction && 'stepId' in instruction ? instruction.stepId : header.exportId;
}

/** Records that a cancel kept from being sent are neither successes nor errors (decision 6). */
function withoutCanceled(outcome: PageRun): PageRun {
  const kept: RecordFailure[] = [];
  const dropped = new Map<string, number>();
  for (const failed of outcome.failures) {
    if (failed.failure.code === canceledCode) dropped.set(failed.stepId, (dropped.get(failed.stepId) ?? 0) + 1);
    else kept.push(failed);
  }
  if (dropped.size === 0) return outcome;
  const counts = outcome.counts.map((step): StepCounts => ({
    ...step,
    error: Math.max(0, step.error - (dropped.get(step.stepId) ?? 0)),
  }));
  return { ...outcome, counts, failures: kept, interrupted: true };
}

/** Pages that go on together. */
interface Waiting {
  readonly position: number;
  readonly copy?: number;
  readonly pages: ParsedPage[];
}

function conclude(
  task: BundleTask,
  pages: readonly HeldPage[],
  runs: readonly PageRun[],
  calls: CallLog,
  loaded: LoadedPlan,
  parts: BundleRunnerParts,
): BundleResult {
  const { header } = task;
  const { runId, accountId, flowId, planId, exportId, ordinal } = header;
  const tally = new StepTally();
  const errors = new ErrorEvents(
    { runId, exportId, ordinal, content: header.content },
    () => new Date(parts.clock.now()).toISOString(),
    task.traceparent,
  );
  const waiting = new Map<string, Waiting>();
  const routers = new RouterTally();
  let finished = 0;
  runs.forEach((outcome, at) => {
    const { page } = pages[at]!;
    tally.addPage(outcome.counts);
    routers.add(outcome.routers ?? []);
    const unrouted = (outcome.routers ?? []).reduce((sum, { error }) => sum + error, 0);
    if (unrouted > 0) tally.addErrors(exportId, unrouted);
    for (const failure of outcome.failures) errors.addRecord(page, failure);
    if (!outcome.interrupted) finished += 1;
    for (const { position, records, copy } of outcome.continuations) {
      if (records.length === 0) continue;
      const place = `${position}/${copy ?? 0}`;
      const together = waiting.get(place) ?? { position, ...copyOf({ copy }), pages: [] };
      waiting.set(place, together);
      together.pages.push({ page, records });
    }
  });
  let forked = 0;
  let messages = 0;
  const continuations = [...waiting.values()].flatMap(({ pages: together, ...place }) => {
    const encoder = new BundleEncoder(
      { v: 1, runId, accountId, flowId, planId, exportId, ordinal, ...place },
      parts.resident,
      () => continuationId(task.messageId, messages++),
      (page, record) => {
        const stepId = header.exportId;
        tally.addPage([{ stepId, success: 0, error: 1, ignore: 0 }]);
        errors.addRecord(page, {
          stepId,
          ...copyOf(place),
          index: record.index,
          failure: {
            code: 'record_too_large',
            message: 'The record grew beyond 5 MB on its way through the flow.',
            source: 'internal',
            classification: 'too_large',
          },
          traceKey: traceKeyOf(record),
          retryRecord: record.record,
          stage: 'page_generator',
        });
      },
    );
    for (const page of together) encoder.add(page);
    const bundles = encoder.finish();
    forked += encoder.pages;
    return bundles;
  });
  return {
    kind: 'bundle',
    pages: finished,
    forked,
    steps: tally.totals(),
    routers: routers.totals(),
    continuations,
    mayGoOn: mayGoOnFrom(loaded.flow.program, header.position),
    errors: errors.encode(),
    calls: calls.stats(),
  };
}

/**
 * Turns every record of a bundle that cannot be processed into an error with its retry data (P1).
 *
 * @param mayGoOn whether an earlier try may have let pages go on
 */
export function abandonBundle(
  task: BundleTask,
  pages: readonly ParsedPage[],
  stepId: string,
  reason: { readonly code: string; readonly message: string },
  mayGoOn: boolean,
  clock: Clock,
): BundleResult {
  const { header } = task;
  const errors = new ErrorEvents(
    { runId: header.runId, exportId: header.exportId, ordinal: header.ordinal, content: header.content },
    () => new Date(clock.now()).toISOString(),
    task.traceparent,
  );
  const tally = new StepTally();
  for (const { page, records } of pages) {
    tally.addPage([{ stepId, success: 0, error: records.length, ignore: 0 }]);
    for (const record of records) {
      errors.addRecord(page, {
        stepId,
        ...copyOf(header),
        index: record.index,
        failure: { ...reason, source: 'internal' },
        traceKey: traceKeyOf(record),
        retryRecord: record.record,
        stage: stepId === header.exportId ? 'page_generator' : 'page_processor_import',
      });
    }
  }
  return {
    kind: 'bundle',
    pages: pages.length,
    forked: 0,
    steps: tally.totals(),
    routers: [],
    continuations: [],
    mayGoOn,
    errors: errors.encode(),
    calls: [],
  };
}
