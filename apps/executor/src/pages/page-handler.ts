import type { Bus, Delivery } from '#bus';
import type { Clock } from '#connectors';
import {
  ContractError,
  inflateBody,
  pageWorkHeader,
  type GeneratorResult,
  type PageHeader,
  type PageOutcome,
  type ResultsHeader,
} from '#contracts';
import { count, observeSeconds, startSpan, type OpenSpan } from '#telemetry';
import { executorCodes } from '../codes.js';
import { readWorkHeader, traceHeader } from '../delivery/work-header.js';
import type { Handled } from '../delivery/handled.js';
import { countCalls, countRecords } from '../results/call-metrics.js';
import { eventText, type StepResults } from '../results/step-results.js';
import { ToldResults } from '../results/told-results.js';
import { finishedMarker } from '../runs/finished-marker.js';
import type { RunDirectory, RunInfo } from '../runs/run-directory.js';
import type { ExecutorSettings } from '../settings.js';
import { resultId } from '../work-ids.js';
import type { Dispatcher } from '../workers/dispatcher.js';
import type { BundleReply, BundleResult } from '../workers/protocol.js';
import { decisionOf } from './decision.js';

export interface PageParts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly settings: ExecutorSettings;
  readonly runs: RunDirectory;
  readonly dispatcher: Dispatcher;
  readonly results: StepResults;
}

/** A bundle of pages: runs its pages from their position, and acknowledges last (P4). */
export class PageHandler {
  readonly #told = new ToldResults();

  constructor(private readonly parts: PageParts) {}

  /** @throws what the bus, stream or store throw; the delivery is handed back then */
  async handle(delivery: Delivery): Promise<Handled> {
    let header: PageHeader | ResultsHeader;
    try {
      header = readWorkHeader(delivery, pageWorkHeader);
    } catch (error) {
      if (!(error instanceof ContractError)) throw error;
      return this.#reject(delivery, error.message);
    }
    if ('kind' in header) return this.#relay(delivery, header);
    const run = await this.parts.runs.find(header.runId, header.planId);
    if ('unknown' in run) {
      return this.#reject(
        delivery,
        run.unknown === 'run' ? executorCodes.run_unknown.code : executorCodes.plan_missing.code,
      );
    }
    if (run.isCanceled) {
      // Records not sent count nowhere (decision 6).
      const end = endOf(header, run);
      await this.parts.results.tell(
        header.runId,
        [...this.#untold(delivery, header, run), ...(end ? [eventText(end, [])] : [])],
        delivery.headers[traceHeader],
      );
      await delivery.ack();
      return 'acked';
    }
    const startedMs = this.parts.clock.now();
    const span = startSpan('millrace.page', {
      role: 'consumer',
      traceparent: delivery.headers[traceHeader],
      attributes: {
        'millrace.run.id': header.runId,
        'millrace.position': header.position,
        'millrace.pages': header.pages.length,
        'millrace.records': header.records,
      },
    });
    try {
      const reply = await this.#work(delivery, header, run, span);
      if (reply.kind === 'poison') return await this.#reject(delivery, reply.reason);
      if (reply.kind !== 'bundle') throw new Error(`A worker could not process a page bundle: ${reply.kind}.`);
      return await this.settle(delivery, header, run, reply);
    } catch (error) {
      span.fail(error instanceof Error ? error.message : String(error));
      throw error;
    } finally {
      observeSeconds('millrace.page.duration', (this.parts.clock.now() - startedMs) / 1000);
      span.end();
    }
  }

  async #work(delivery: Delivery, header: PageHeader, run: RunInfo, span: OpenSpan): Promise<BundleReply> {
    const { dispatcher, settings } = this.parts;
    const task = { messageId: delivery.id, header, traceparent: span.traceparent };
    if (delivery.attempt > settings.maxAttempts) {
      const { code, help } = executorCodes.delivery_attempts_exhausted;
      return dispatcher.abandonBundle(run, { ...task, body: await delivery.body(), reason: { code, message: help } });
    }
    const reply = await dispatcher.runBundle(run, task, () => delivery.body());
    if (reply.kind !== 'compile_failed') return reply;
    const [first] = reply.failures;
    const reason = { code: first?.code ?? 'invalid_flow', message: first?.message ?? 'The flow cannot be executed.' };
    return dispatcher.abandonBundle(run, { ...task, body: await delivery.body(), reason });
  }

  /**
   * Destination answered → continuations durable, with the results of those that do not go on → results told →
   * acknowledged. The order is P1, P3 and P4; docs/architecture.md "When an executor dies with a page" goes through it.
   *
   * @param as the name of the bundle that the delivery led to, and whether its run is in nobody else's hands
   */
  async settle(
    delivery: Delivery,
    header: PageHeader,
    run: RunInfo,
    result: BundleResult,
    as: { readonly id: string; readonly isAlone: boolean } = { id: delivery.id, isAlone: true },
  ): Promise<Handled> {
    const { results } = this.parts;
    const { runId, accountId, flowId, ordinal, position } = header;
    const traceparent = delivery.headers[traceHeader];
    countCalls(result.calls);
    const outcome: PageOutcome = {
      resultId: resultId(as.id, header.content),
      position,
      pages: result.pages,
      forked: result.forked,
      steps: [...result.steps],
      ...(result.routers.length === 0 ? {} : { routers: [...result.routers] }),
    };
    const pages = { v: 1 as const, kind: 'pages' as const, runId, accountId, flowId, ordinal, ...outcome };
    const events = await results.ofPages(pages, result.errors, delivery.attempt);
    const end = endOf(header, run);
    const endEvents = end ? [eventText(end, [])] : [];
    const decision = result.mayGoOn
      ? await this.#decide(delivery, header, outcome, result, [...events, ...endEvents])
      : { counts: true, messageIds: [] };
    const isOver = as.isAlone && decision.counts && end !== null && isWholeRun(end, run, result);
    await results.tell(
      runId,
      [
        ...this.#untold(delivery, header, run),
        ...(decision.counts ? events : []),
        ...endEvents,
        ...(isOver ? [eventText(finishedMarker(end, run, this.parts.clock.now()), null)] : []),
      ],
      traceparent,
    );
    this.#told.add(decision.messageIds);
    await delivery.ack();
    count('millrace.pages', result.pages, { event: 'finished' });
    countRecords(result.steps);
    return isOver ? 'closed' : 'acked';
  }

  /**
   * @param events all that remains to be told: once its messages are published, the delivery may be taken for done
   * @returns whether what this try made is what counts; else the messages of an earlier one go on, and tell its results
   */
  async #decide(
    delivery: Delivery,
    { runId, end }: PageHeader,
    outcome: PageOutcome,
    { continuations, errors }: BundleResult,
    events: readonly string[],
  ): Promise<{ readonly counts: boolean; readonly messageIds: readonly string[] }> {
    const { bus, dispatcher, settings } = this.parts;
    const ended = end === undefined ? outcome : { ...outcome, end };
    const tried = { runId, outcome: ended, continuations, events, hasErrors: errors.events.length > 0 };
    const messages = decisionOf(tried, delivery, settings.instance);
    if ((await bus.publishAtomic(messages)) === 'already') {
      await dispatcher.forget(continuations.map(({ id }) => id));
      return { counts: false, messageIds: [] };
    }
    return { counts: true, messageIds: messages.map(({ id }) => id) };
  }

  /** What the message that this one goes on from did, unless it was told here. */
  #untold(delivery: Delivery, header: PageHeader, run: RunInfo): string[] {
    if (header.outcome === undefined || this.#told.has(delivery)) return [];
    const { runId, accountId, flowId, ordinal } = header;
    const { end, ...outcome } = header.outcome;
    const ended = end === undefined ? null : endOf({ ...header, end }, run);
    return [
      eventText({ v: 1, kind: 'pages', runId, accountId, flowId, ordinal, ...outcome }, []),
      ...(ended ? [eventText(ended, [])] : []),
    ];
  }

  /** Results that were published with the pages that go on; the executor that did so may not have lived to tell them. */
  async #relay(delivery: Delivery, { runId, encoding }: ResultsHeader): Promise<Handled> {
    if (!this.#told.has(delivery)) {
      const event = inflateBody(await delivery.body(), encoding, maxResultBytes);
      await this.parts.results.tell(runId, [event], delivery.headers[traceHeader]);
    }
    await delivery.ack();
    return 'acked';
  }

  async #reject(delivery: Delivery, reason: string): Promise<Handled> {
    count('millrace.poison.messages', 1, { source: delivery.queue });
    await delivery.reject(reason);
    return 'rejected';
  }
}

/** Far beyond any: events are cut at half a megabyte. */
const maxResultBytes = 16 * 1024 * 1024;

type RunPart = Omit<GeneratorResult, 'errors'>;

/**
 * Whether this bundle is all there ever was of its run: the only generator ended with it, every page it generated was in
 * it, and none goes on. Then nobody has to ask the broker what is left; whoever stores its result can say that the run is
 * over, and the ledger's audit checks that as it checks everybody.
 */
function isWholeRun(end: RunPart, run: RunInfo, result: BundleResult): boolean {
  return run.generators.length === 1 && result.pages === end.totals.pages && result.forked === 0;
}

/** The end of the generator, where the bundle is its last one. */
function endOf({ end, ...header }: PageHeader, run: RunInfo): Omit<GeneratorResult, 'errors'> | null {
  if (!end) return null;
  const { runId, accountId, flowId, exportId, ordinal } = header;
  const state = end.complete ? 'done' : run.isCanceled ? 'canceled' : 'failed';
  return {
    v: 1,
    kind: 'generator',
    runId,
    accountId,
    flowId,
    exportId,
    ordinal,
    slice: end.slice,
    totals: end.totals,
    state,
  };
}
