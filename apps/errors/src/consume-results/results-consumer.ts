import type { Blobs } from '#blobs';
import type { Bus } from '#bus';
import { signals, type StepResult } from '#contracts';
import { PositionConflict, type Jobs, type Ledger, type LedgerBatch, type ReportedError } from '#store';
import type { StreamBatch, StreamEvent } from '#stream';
import type { ErrorsTelemetry } from '../telemetry.js';
import { batchSpans } from './batch-spans.js';
import { keepDeadLetter } from './dead-letters.js';
import { decodeResult, isPoison } from './decode-result.js';
import { toErrorRow } from './error-row.js';
import { isFaultOfEvents } from './fault-of-events.js';
import { positionOf, StepPositions } from './step-positions.js';

export interface ResultsConsumerDeps {
  readonly bus: Pick<Bus, 'signal'>;
  readonly ledger: Ledger;
  readonly jobs: Pick<Jobs, 'planOf'>;
  readonly blobs: Pick<Blobs, 'put'>;
  readonly telemetry: ErrorsTelemetry;
  /** How long errors are kept, in milliseconds. */
  readonly retentionMs: number;
}

/** The group that keeps its positions in the ledger. */
export const resultsGroup = 'errors';
const topic = 'step-results';
/** A signal carries at most 64 KB; an id and its blank take 25 bytes. */
const idsPerSignal = 2_500;

/**
 * Applies step results to the ledger: each batch in one transaction with the position, so that counts are exact (P3)
 * whatever is delivered twice. An event that cannot be applied goes to the dead letters and never blocks its partition;
 * anything else that fails throws, and the stream delivers again from the stored position.
 */
export class ResultsConsumer {
  readonly #deps: ResultsConsumerDeps;
  readonly #positions: StepPositions;
  /** Stored position by partition, as this member last saw it. Absent: not asked for yet. */
  readonly #stored = new Map<number, bigint | null>();

  constructor(deps: ResultsConsumerDeps) {
    this.#deps = deps;
    this.#positions = new StepPositions(deps.jobs);
  }

  /** Where the partition goes on; the stream asks when it is assigned, and again after a failure. */
  async position(partition: number): Promise<bigint | null> {
    const stored = await this.#deps.ledger.position(topic, resultsGroup, partition);
    this.#stored.set(partition, stored);
    return stored;
  }

  async handle(batch: StreamBatch): Promise<void> {
    const stored = await this.#storedPosition(batch.partition);
    const events = stored === null ? batch.events : batch.events.filter((event) => event.offset >= stored);
    const [first] = events;
    if (!first) return;
    if (stored !== null && first.offset > stored) {
      this.#deps.telemetry.offsetsSkipped({
        partition: batch.partition,
        from: String(stored),
        to: String(first.offset),
      });
    }
    try {
      await this.#apply(batch.partition, events);
    } catch (error) {
      if (!isFaultOfEvents(error)) throw error;
      await this.#applyOneByOne(batch.partition, events);
    }
  }

  async #apply(partition: number, events: readonly StreamEvent[]): Promise<void> {
    const results: StepResult[] = [];
    for (const event of events) {
      const decoded = decodeResult(event.value);
      if (isPoison(decoded)) await this.#reject(partition, event, decoded.reason);
      else results.push(decoded);
    }
    await this.#commit(partition, events, withoutRepeats(results));
  }

  /** One of the events cannot be stored: the others are, and it goes to the dead letters. */
  async #applyOneByOne(partition: number, events: readonly StreamEvent[]): Promise<void> {
    for (const event of events) {
      try {
        await this.#apply(partition, [event]);
      } catch (error) {
        if (!isFaultOfEvents(error)) throw error;
        await this.#reject(
          partition,
          event,
          `could not be stored: ${error instanceof Error ? error.message : String(error)}`,
        );
        await this.#commit(partition, [event], []);
      }
    }
  }

  async #commit(partition: number, events: readonly StreamEvent[], results: readonly StepResult[]): Promise<void> {
    const { telemetry } = this.#deps;
    const first = events[0];
    const last = events.at(-1);
    if (!first || !last) return;
    const stored = await this.#storedPosition(partition);
    const batch: LedgerBatch = {
      topic,
      group: resultsGroup,
      partition,
      // Offsets may have gaps (dropped or internal events); what must match is the position this member went on from.
      firstOffset: stored ?? first.offset,
      nextOffset: last.offset + 1n,
      pages: results.filter((result) => result.kind === 'pages'),
      generators: results.filter((result) => result.kind === 'generator'),
      finished: results.filter((result) => result.kind === 'finished'),
      errors: await this.#errorRows(results),
    };
    const spans = batchSpans(events);
    const outcome = await this.#applyToLedger(partition, batch).finally(() => {
      for (const span of spans) span.end();
    });
    this.#stored.set(partition, batch.nextOffset);
    const final = new Set(outcome.finalized.map(({ runId }) => runId));
    this.#tell(
      signals.jobChanged,
      outcome.changed.filter((runId) => !final.has(runId)),
    );
    this.#tell(signals.jobFinal, [...final]);
    telemetry.resultsApplied({ finalized: outcome.finalized, errors: batch.errors });
  }

  #tell(signal: string, runIds: readonly string[]): void {
    for (let i = 0; i < runIds.length; i += idsPerSignal) {
      this.#deps.bus.signal(signal, runIds.slice(i, i + idsPerSignal).join(' '));
    }
  }

  async #applyToLedger(partition: number, batch: LedgerBatch): ReturnType<Ledger['apply']> {
    try {
      return await this.#deps.ledger.apply(batch);
    } catch (error) {
      // Another member moved the partition on, or our own commit went through unseen: ask again before the next try.
      if (error instanceof PositionConflict) this.#stored.delete(partition);
      throw error;
    }
  }

  async #errorRows(results: readonly StepResult[]): Promise<ReportedError[]> {
    const failing = results.filter((result) => result.kind !== 'finished' && result.errors.length > 0);
    if (failing.length === 0) return [];
    const positions = await this.#positions.load(failing.map((result) => result.runId));
    const { retentionMs } = this.#deps;
    return failing.flatMap((result) =>
      result.kind === 'finished'
        ? []
        : result.errors.map((event) => {
            const oIndex = positionOf(positions.get(result.runId), event.stepId, event.stage);
            const row = toErrorRow(event, { result, oIndex, retentionMs });
            return result.kind === 'pages' ? { ...row, resultId: result.resultId } : row;
          }),
    );
  }

  async #reject(partition: number, event: StreamEvent, reason: string): Promise<void> {
    const letter = await keepDeadLetter(this.#deps.blobs, topic, partition, event, reason);
    this.#deps.telemetry.eventRejected({ topic, key: event.key, letter, reason });
  }

  async #storedPosition(partition: number): Promise<bigint | null> {
    const stored = this.#stored.get(partition);
    return stored === undefined ? this.position(partition) : stored;
  }
}

/** A page result counts once, and so do its errors: what a later try of the same message reports is void. */
function withoutRepeats(results: readonly StepResult[]): StepResult[] {
  const seen = new Set<string>();
  return results.filter((result) => {
    if (result.kind !== 'pages') return true;
    const key = `${result.runId} ${result.resultId}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
