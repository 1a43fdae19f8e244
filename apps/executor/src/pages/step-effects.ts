import type { StepContext } from '#connectors';
import type {
  Effects,
  Functions,
  ImportOutcome,
  LookupAnswer,
  LookupOutcome,
  LookupQuestion,
  PageIdentity,
  PreparedRecord,
  RunContext,
} from '#engine';
import type { Failure } from '#failures';
import { startSpan } from '#telemetry/spans';
import { withCalls, type CallLog } from '../workers/call-log.js';
import { inIntegration, type LoadedPlan, type LoadedStep } from '../workers/loaded-plan.js';
import type { LoadedRun } from '../workers/run-contexts.js';
import type { WorkerLocks } from '../workers/worker-locks.js';
import type { BuiltImport } from './built-page.js';
import { inTurns } from './in-turns.js';

/** Records that were not sent because of a cancel carry this code; they count nowhere (decision 6). */
export const canceledCode = 'canceled';

/** What the engine asks of the world, answered by the adaptors of a plan's steps. */
export class StepEffects implements Effects {
  constructor(
    private readonly loaded: LoadedPlan,
    private readonly run: LoadedRun,
    private readonly context: RunContext,
    private readonly calls: CallLog,
    private readonly traceparent: string | undefined,
    readonly functions: Functions,
    private readonly locks: WorkerLocks,
  ) {}

  isCanceled(): boolean {
    return this.run.isCanceled;
  }

  submit(stepId: string, page: PageIdentity, records: readonly PreparedRecord[]): Promise<readonly ImportOutcome[]> {
    const step = this.loaded.destinations.get(stepId);
    const failed = (failure: Failure): ImportOutcome => ({ statusCode: 422, failures: [failure] });
    return this.#locked(stepId, records, failed, (some) =>
      this.#inStep(step, stepId, page, some, 'import', ({ port }, context) => port.submit(page, some, context), failed),
    );
  }

  /** Sends what was built of a page when it was read; an outcome per record, in the order of its requests. */
  submitBuilt({ stepId, requests }: BuiltImport, page: PageIdentity): Promise<readonly ImportOutcome[]> {
    return this.#inStep(
      this.loaded.destinations.get(stepId),
      stepId,
      page,
      requests.flatMap(({ indices }) => indices),
      'import',
      ({ port }, context) => {
        if (port.submitBuilt === undefined) throw new Error('This adaptor builds no requests.');
        return port.submitBuilt(page, requests, context);
      },
      (failure) => ({ statusCode: 422, failures: [failure] }),
    );
  }

  lookup(stepId: string, page: PageIdentity, records: readonly PreparedRecord[]): Promise<readonly LookupOutcome[]> {
    const step = this.loaded.lookups.get(stepId);
    const failed = (failure: Failure): LookupOutcome => ({ statusCode: 422, data: [], failures: [failure] });
    return this.#locked(stepId, records, failed, (some) =>
      this.#inStep(step, stepId, page, some, 'lookup', ({ port }, context) => port.lookup(some, context), failed),
    );
  }

  resolveLookups(
    stepId: string,
    page: PageIdentity,
    questions: readonly LookupQuestion[],
  ): Promise<readonly LookupAnswer[]> {
    const step = this.loaded.destinations.get(stepId);
    return this.#inStep(
      step,
      stepId,
      page,
      questions,
      'import',
      ({ port }, context) => {
        if (port.resolveLookups === undefined) throw new Error('This adaptor has no dynamic lookups.');
        return port.resolveLookups(questions, context);
      },
      (failure) => ({ failure }),
    );
  }

  /** Sends at once, unless records carry locks. */
  #locked<O>(
    stepId: string,
    records: readonly PreparedRecord[],
    failed: (failure: Failure) => O,
    send: (some: readonly PreparedRecord[]) => Promise<readonly O[]>,
  ): Promise<readonly O[]> {
    if (records.every(({ lockKey }) => lockKey === undefined)) return send(records);
    return inTurns(
      records,
      (keys) => this.locks.acquire(stepId, keys, this.run.signal),
      send,
      (some, error) => {
        const failure = this.#failureOf(error);
        return some.map(() => failed(failure));
      },
    );
  }

  #failureOf(error: unknown): Failure {
    if (isAbort(error) && this.run.isCanceled) {
      return { code: canceledCode, message: 'The run was canceled before this record was sent.', source: 'internal' };
    }
    return {
      code: 'internal_error',
      message: error instanceof Error ? error.message : String(error),
      source: 'internal',
    };
  }

  async #inStep<T, O>(
    step: LoadedStep<T> | undefined,
    stepId: string,
    page: PageIdentity,
    records: readonly unknown[],
    kind: 'import' | 'lookup',
    call: (step: LoadedStep<T>, context: StepContext) => Promise<readonly O[]>,
    failed: (failure: Failure) => O,
  ): Promise<readonly O[]> {
    const span = startSpan(`millrace.step ${kind}`, {
      traceparent: this.traceparent,
      attributes: { 'millrace.step.id': stepId, 'millrace.page': page.page, 'millrace.records': records.length },
    });
    try {
      if (!step) throw new Error(`The plan has no ${kind} step ${stepId}.`);
      const outcomes = await withCalls(this.calls, span.traceparent, () =>
        call(step, {
          stepId,
          connection: step.connection,
          ...inIntegration(step),
          run: this.context,
          settings: step.settings,
          signal: this.run.signal,
          traceparent: span.traceparent,
        }),
      );
      if (outcomes.length !== records.length) {
        throw new Error(`The adaptor answered ${outcomes.length} outcomes for ${records.length} records.`);
      }
      return outcomes;
    } catch (error) {
      // Only a cancel or a bug throws. Either way these records get their outcome as a value: the page goes on.
      const failure = this.#failureOf(error);
      span.fail(failure.message);
      return records.map(() => failed(failure));
    } finally {
      span.end();
    }
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
