import type { FlagWriter, StepContext } from '#connectors';
import {
  pickTraceKey,
  type ImportOutcome,
  type PageIdentity,
  type PageRecord,
  type PageRun,
  type RecordFailure,
  type RunContext,
} from '#engine';
import { failuresOf } from '#engine/flow/envelopes';
import { withCalls, type CallLog } from '../workers/call-log.js';
import type { LoadedPlan } from '../workers/loaded-plan.js';
import type { BundleTask } from '../workers/protocol.js';
import type { LoadedRun } from '../workers/run-contexts.js';

/** Adds to what became of a page the flags that could not be written. */
type WriteFlags = (identity: PageIdentity, records: readonly PageRecord[], outcome: PageRun) => Promise<PageRun>;

/**
 * Writes back the flags of the records of a page whose way ends here: whatever became of them is known, and the message
 * that holds them is not acknowledged yet. Records that go on, or that a cancel kept back, get theirs later or not at all.
 * A flag that cannot be written is an error of the generator; there is nothing to run again, because the next run
 * exports the record once more. Reference: runtime §3 (`once`).
 *
 * @returns null for a generator whose export is not of type `once`
 */
export function flagWriting(
  { header, traceparent }: Pick<BundleTask, 'header' | 'traceparent'>,
  loaded: LoadedPlan,
  run: LoadedRun,
  context: RunContext,
  calls: CallLog,
): WriteFlags | null {
  const step = loaded.flagWriters.get(header.exportId);
  if (step === undefined) return null;
  const { stepId, port, connection, settings } = step;
  const stepContext: StepContext = {
    stepId,
    connection,
    run: context,
    settings,
    signal: run.signal,
    ...(traceparent === undefined ? {} : { traceparent }),
  };
  return async (identity, records, outcome) => {
    if (outcome.interrupted || run.isCanceled) return outcome;
    const kept = unmarked(outcome);
    const ended = records.filter(({ index }) => !kept.has(index));
    if (ended.length === 0) return outcome;
    const answers = await withCalls(calls, traceparent, () => submit(port, identity, ended, stepContext));
    return answers === null ? outcome : withFailures(outcome, identity, ended, answers);
  };
}

/** Indices of records that go on, or that failed and left nothing to retry: only their source can give these again. */
function unmarked({ continuations, failures }: PageRun): ReadonlySet<number> {
  const onward = continuations.flatMap(({ records }) => records.map(({ index }) => index));
  const lost = failures.filter(({ retryRecord, warning }) => retryRecord === null && warning !== true);
  return new Set([...onward, ...lost.map(({ index }) => index)]);
}

function withFailures(
  outcome: PageRun,
  identity: PageIdentity,
  records: readonly PageRecord[],
  answers: readonly ImportOutcome[],
): PageRun {
  const error = answers.filter((answer) => failuresOf(answer).length > 0).length;
  if (error === 0) return outcome;
  return {
    ...outcome,
    counts: [...outcome.counts, { stepId: identity.generator, success: 0, error, ignore: 0 }],
    failures: [...outcome.failures, ...records.flatMap((record, at) => failuresAt(identity, record, answers[at]!))],
  };
}

/** @returns null when a cancel came first: those records come again */
async function submit(
  port: FlagWriter,
  identity: PageIdentity,
  records: readonly PageRecord[],
  context: StepContext,
): Promise<readonly ImportOutcome[] | null> {
  const prepared = records.map(({ index, record }) => ({ index, record, mapped: record }));
  try {
    return await port.submit(identity, prepared, context);
  } catch (error) {
    if (context.signal.aborted) return null;
    // A bug: the records were processed all the same, and count as that.
    const message = error instanceof Error ? error.message : String(error);
    return records.map(() => ({
      statusCode: 422,
      failures: [{ code: 'internal_error', message, source: 'internal' as const }],
    }));
  }
}

function failuresAt(
  { generator, copy }: PageIdentity,
  { index, record, traceKey }: PageRecord,
  answer: ImportOutcome,
): readonly RecordFailure[] {
  return failuresOf(answer).map((failure) => ({
    stepId: generator,
    ...(copy === undefined ? {} : { copy }),
    index,
    failure,
    traceKey: traceKey ?? pickTraceKey(record),
    retryRecord: null,
    stage: 'page_generator',
  }));
}
