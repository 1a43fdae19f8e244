import type { Bus, Delivery } from '#bus';
import type { Clock } from '#connectors';
import {
  ContractError,
  generateHeader,
  type GenerateHeader,
  type GeneratorResult,
  type GeneratorTotals,
} from '#contracts';
import type { Failure } from '#failures';
import { count, observeSeconds, startSpan, type OpenSpan } from '#telemetry';
import { executorCodes } from '../codes.js';
import { carryOn } from '../delivery/carry-on.js';
import type { Handled } from '../delivery/handled.js';
import { readWorkHeader, traceHeader } from '../delivery/work-header.js';
import { OfferedWork } from '../delivery/offered-work.js';
import { ErrorEvents } from '../results/error-events.js';
import type { StepResults } from '../results/step-results.js';
import { countCalls } from '../results/call-metrics.js';
import { finishedMarker } from '../runs/finished-marker.js';
import type { LocalWork } from '../runs/local-work.js';
import type { RunDirectory, RunInfo } from '../runs/run-directory.js';
import type { ExecutorSettings } from '../settings.js';
import type { Dispatcher } from '../workers/dispatcher.js';
import type { EncodedErrors, RanBundle, SliceResult } from '../workers/protocol.js';
import type { PageHandler } from '../pages/page-handler.js';
import type { RunWindows } from './run-window.js';
import { aggregateMessage, endOf, firstSliceMessage, publishSlice } from './slice-publisher.js';

export interface GenerateParts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly settings: ExecutorSettings;
  readonly runs: RunDirectory;
  readonly windows: RunWindows;
  readonly dispatcher: Dispatcher;
  readonly results: StepResults;
  readonly pages: Pick<PageHandler, 'settle'>;
  readonly work: LocalWork;
  /** aborted when the executor stops: nothing new is begun */
  readonly stopping: AbortSignal;
}

/** A slice is long enough at this many bytes of pages, or after this long. */
const sliceBytes = 8 * 1024 * 1024;
const sliceMs = 1_000;
/** The first pages of a run should not wait for a whole slice. */
const firstSliceMs = 400;
/** How long to wait for acknowledgements before asking again whether there is room in the window. */
const roomPollMs = 100;

/** How often the end of everything else of a run is looked for. */
const aggregatePollMs = 250;

/** Half of the time after which the scheduler publishes a first slice that nobody speaks of. */
const aloneMs = 5_000;

const noErrors: EncodedErrors = { events: [], blobs: [] };

/**
 * A message of a generator's chain: reads one slice, replaces the message by the slice's pages and its successor in one
 * atomic batch, reports, acknowledges. See docs/architecture.md "Life of a run".
 */
export class GenerateHandler {
  constructor(private readonly parts: GenerateParts) {}

  /** @throws what the bus, stream or store throw; the delivery is handed back then */
  async handle(delivery: Delivery): Promise<Handled> {
    let header: GenerateHeader;
    try {
      header = delivery instanceof OfferedWork ? delivery.header : readWorkHeader(delivery, generateHeader);
    } catch (error) {
      if (!(error instanceof ContractError)) throw error;
      return this.#reject(delivery, error.message);
    }
    const row = delivery instanceof OfferedWork ? delivery.row : undefined;
    const run = await this.parts.runs.find(header.runId, header.planId, row);
    if ('unknown' in run) {
      if (run.unknown === 'run') return this.#reject(delivery, executorCodes.run_unknown.code);
      const failure = { code: executorCodes.plan_missing.code, message: executorCodes.plan_missing.help };
      return this.#end(delivery, header, null, 'failed', header.totals, this.#failures(header, delivery, [failure]));
    }
    if (header.kind === 'aggregate') return this.#aggregate(delivery, header, run);
    if (header.kind === 'end') {
      const state = header.complete === true ? 'done' : run.isCanceled ? 'canceled' : 'failed';
      return this.#end(delivery, header, run, state, header.totals, noErrors);
    }
    if (run.isCanceled) return this.#end(delivery, header, run, 'canceled', header.totals, noErrors);
    if (delivery.attempt > this.parts.settings.maxAttempts) {
      const { code, help } = executorCodes.delivery_attempts_exhausted;
      const failures = this.#failures(header, delivery, [{ code, message: help }]);
      return this.#end(delivery, header, run, 'failed', header.totals, failures);
    }
    return this.#slice(delivery, header, run);
  }

  async #slice(delivery: Delivery, header: GenerateHeader, run: RunInfo): Promise<Handled> {
    const { clock, dispatcher } = this.parts;
    const room = await this.#room(header, delivery.attempt, run);
    if (room === null) return this.#later(delivery);
    const startedMs = clock.now();
    const span = startSpan('millrace.slice', {
      role: 'consumer',
      traceparent: delivery.headers[traceHeader],
      attributes: {
        'millrace.run.id': header.runId,
        'millrace.step.id': header.exportId,
        'millrace.slice': header.slice,
      },
    });
    try {
      const reply = await dispatcher.readSlice(run, {
        header,
        ...(delivery instanceof OfferedWork ? {} : { body: await delivery.body() }),
        budget: { maxBundles: room, maxBytes: sliceBytes, maxMs: header.slice === 0 ? firstSliceMs : sliceMs },
        traceparent: span.traceparent,
        mayRun: delivery instanceof OfferedWork && this.#isAlone(run) && !this.parts.stopping.aborted,
      });
      if (reply.kind === 'poison') return await this.#reject(delivery, reply.reason);
      if (reply.kind === 'compile_failed') {
        const failures = this.#failures(header, delivery, reply.failures);
        return await this.#end(delivery, header, run, 'failed', header.totals, failures);
      }
      countCalls(reply.calls);
      if (reply.ran) return await this.#settle(delivery, header, run, reply, reply.ran);
      return await this.#publish(delivery, header, run, reply, span);
    } catch (error) {
      span.fail(error instanceof Error ? error.message : String(error));
      throw error;
    } finally {
      observeSeconds('millrace.slice.duration', (clock.now() - startedMs) / 1000);
      span.end();
    }
  }

  async #publish(
    delivery: Delivery,
    header: GenerateHeader,
    run: RunInfo,
    result: SliceResult,
    span: OpenSpan,
  ): Promise<Handled> {
    const { bus, clock, dispatcher, results, settings, windows, stopping } = this.parts;
    if (result.end === 'canceled') return this.#end(delivery, header, run, 'canceled', header.totals, noErrors);
    if (result.successor === null && result.bundles.length === 0) {
      const state = result.end === 'complete' ? 'done' : 'failed';
      return this.#end(delivery, header, run, state, result.totals, result.errors);
    }
    const report: Omit<GeneratorResult, 'errors'> = {
      ...identityOf(header),
      kind: 'generator',
      slice: header.slice,
      totals: result.totals,
      state: 'reading',
    };
    const hasErrors = result.errors.events.length > 0;
    // Errors first: once the slice is replaced nobody reads it again, so an error reported later could be lost (P1).
    const traceparent = delivery.headers[traceHeader];
    if (hasErrors) await results.generator(report, result.errors, traceparent);
    const isLast = result.successor === null && nextGenerator(run, header) === null && !run.aggregates;
    const outcome = await publishSlice(bus, delivery, header, result, span.traceparent, settings.instance, isLast);
    if (outcome === 'already') {
      // An earlier try got this far; its successor carries on, and what was read now is void.
      await dispatcher.discard(
        header.runId,
        header.ordinal,
        result.bundles.map(({ id }) => id),
      );
    } else {
      windows.published(header.runId, result.bundles, clock.now());
      count('millrace.pages', result.totals.pages - header.totals.pages, { event: 'generated' });
      // The end says the same again, and more.
      if (!hasErrors && !isLast) await results.generator(report, noErrors, traceparent);
      if (isLast) windows.ended(header.runId);
    }
    await delivery.ack();
    if (stopping.aborted) await dispatcher.closeGenerator(header.runId, header.ordinal);
    return 'continued';
  }

  /**
   * The only slice of a run, and its only bundle, which ran where it was read. Nothing of it is durable before its result
   * is: whoever dies until then leaves the slice to be read again.
   */
  async #settle(
    delivery: Delivery,
    header: GenerateHeader,
    run: RunInfo,
    slice: SliceResult,
    { id, header: page, result, startedAtMs }: RanBundle,
  ): Promise<Handled> {
    const { clock, pages, windows } = this.parts;
    const ended = { ...page, end: endOf(header, slice) };
    const handled = await pages.settle(delivery, ended, run, result, { id, isAlone: this.#isAlone(run) });
    windows.ended(header.runId);
    count('millrace.pages', slice.totals.pages, { event: 'generated' });
    observeSeconds('millrace.page.duration', (clock.now() - startedAtMs) / 1000);
    return handled;
  }

  /** The chain ends: its totals become known, and the next generator begins (runtime §1). */
  async #end(
    delivery: Delivery,
    header: GenerateHeader,
    run: RunInfo | null,
    state: 'done' | 'failed' | 'canceled',
    totals: GeneratorTotals,
    errors: EncodedErrors,
  ): Promise<Handled> {
    const { bus, dispatcher, results, windows } = this.parts;
    await dispatcher.closeGenerator(header.runId, header.ordinal);
    const traceparent = delivery.headers[traceHeader];
    const report: Omit<GeneratorResult, 'errors'> = {
      ...identityOf(header),
      kind: 'generator',
      slice: header.slice,
      totals,
      state,
    };
    const finished =
      run && this.#wasAllThereIs(delivery, report, run) ? finishedMarker(report, run, this.parts.clock.now()) : null;
    await results.generator(report, errors, traceparent, finished);
    const next = run && state !== 'canceled' && !run.isCanceled ? nextGenerator(run, header) : null;
    if (next) {
      const { runId, accountId, flowId, planId } = header;
      // Invariant: the next generator is durable before this message goes, or the run would look complete in between.
      const first = firstSliceMessage({ runId, accountId, flowId, planId, ...next }, traceparent);
      await bus.publish(carryOn([first], delivery));
    } else {
      if (run?.aggregates === true && !run.isCanceled)
        await bus.publish(carryOn([aggregateMessage(header, traceparent)], delivery));
      windows.ended(header.runId);
    }
    await delivery.ack();
    return finished ? 'closed' : 'acked';
  }

  /**
   * Whether the run is over with this, the end of a source without a page: only what was offered is surely the first
   * reading, and only until others may begin to read in its place. An earlier reading might have published pages.
   */
  #wasAllThereIs(delivery: Delivery, { totals }: Pick<GeneratorResult, 'totals'>, run: RunInfo): boolean {
    const isOnly = run.generators.length === 1 && !run.aggregates;
    return delivery instanceof OfferedWork && this.#isAlone(run) && isOnly && totals.pages === 0;
  }

  /** Nobody else can have the run's first slice yet, if it was offered. */
  #isAlone(run: RunInfo): boolean {
    return this.parts.clock.now() - run.startedAtMs < aloneMs;
  }

  /** Once nothing else of the run is left, every file is complete: its import's hook is told, at least once. */
  async #aggregate(delivery: Delivery, header: GenerateHeader, run: RunInfo): Promise<Handled> {
    const { bus, dispatcher, results } = this.parts;
    if (!run.isCanceled) {
      const { total } = await bus.outstanding(header.runId);
      if (total > 1) {
        await delivery.nack(aggregatePollMs);
        return 'later';
      }
      const traceparent = delivery.headers[traceHeader];
      const reply = await dispatcher.aggregate(run, { header, ...(traceparent === undefined ? {} : { traceparent }) });
      // Another try would fare no better, and the run would wait for it for ever: operators can replay a dead letter.
      if (reply.kind !== 'aggregated') return this.#reject(delivery, `files of the run untold: ${reply.kind}`);
      const { runId, accountId, flowId, ordinal } = header;
      const events = await results.ofPages(
        {
          v: 1,
          kind: 'pages',
          runId,
          accountId,
          flowId,
          resultId: delivery.id,
          ordinal,
          position: 0,
          pages: 0,
          forked: 0,
          steps: [...reply.steps],
        },
        reply.errors,
        delivery.attempt,
      );
      await results.tell(runId, events, traceparent);
    }
    await delivery.ack();
    return 'acked';
  }

  /** Waits, holding the lease, until the run's window has room for a slice that is worth it; null: stop. */
  async #room(header: GenerateHeader, attempt: number, run: RunInfo): Promise<number | null> {
    const { bus, clock, windows, stopping } = this.parts;
    const { runId, ordinal, slice } = header;
    // Before the first slice of a run there can be no pages, so there is nothing to ask.
    const isFirst = ordinal === 0 && slice === 0 && attempt === 1 && !run.runsGeneratorsInParallel;
    if (isFirst && !stopping.aborted) return windows.room(runId, 0, run.tightestLimit, clock.now());
    for (;;) {
      if (stopping.aborted) return null;
      if (run.isCanceled) return 1;
      const outstanding = (await bus.outstanding(runId)).byQueue['work.page'] ?? 0;
      const room = windows.room(runId, outstanding, run.tightestLimit, clock.now());
      const worthwhile = Math.max(1, Math.min(4, (room + outstanding) >> 1));
      if (room >= worthwhile) return room;
      await this.#acknowledged(runId, worthwhile - room);
    }
  }

  /** Waits for so many acknowledgements here, or a while: other executors acknowledge too. */
  async #acknowledged(runId: string, times: number): Promise<void> {
    const { clock, work, stopping } = this.parts;
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, stopping]);
    const enough = async (): Promise<void> => {
      for (let missing = times; missing > 0 && !signal.aborted; missing -= 1)
        await work.nextAcknowledged(runId, signal);
    };
    await Promise.race([enough(), clock.sleep(roomPollMs, signal).catch(() => undefined)]);
    over.abort();
  }

  #failures(header: GenerateHeader, delivery: Delivery, reasons: readonly Reason[]): EncodedErrors {
    const nowIso = (): string => new Date(this.parts.clock.now()).toISOString();
    const errors = new ErrorEvents(header, nowIso, delivery.headers[traceHeader]);
    reasons.forEach(({ code, message, stepId }, at) => {
      const where = stepId === undefined || stepId === header.exportId ? '' : ` (step ${stepId})`;
      const failure: Failure = { code, message: `${message}${where}`, source: 'internal' };
      errors.addGenerator(`refused/${at}`, failure);
    });
    return errors.encode();
  }

  async #later(delivery: Delivery): Promise<Handled> {
    await delivery.nack(0);
    return 'later';
  }

  async #reject(delivery: Delivery, reason: string): Promise<Handled> {
    count('millrace.poison.messages', 1, { source: delivery.queue });
    await delivery.reject(reason);
    return 'rejected';
  }
}

interface Reason {
  readonly code: string;
  readonly message: string;
  readonly stepId?: string;
}

function identityOf(header: GenerateHeader) {
  const { runId, accountId, flowId, exportId, ordinal } = header;
  return { v: 1 as const, runId, accountId, flowId, exportId, ordinal };
}

/** In parallel mode every generator was started at once. */
function nextGenerator(run: RunInfo, header: GenerateHeader): { exportId: string; ordinal: number } | null {
  if (run.runsGeneratorsInParallel) return null;
  const ordinal = header.ordinal + 1;
  const exportId = run.generators[ordinal];
  return exportId === undefined ? null : { exportId, ordinal };
}
