import { pause, pauseAfter, type PauseRange } from './pauses.js';
import type { StreamLog } from './stream-log.js';
import type { BatchHandler, StreamBatch, StreamEvent, TopicName } from './stream.js';

export interface PartitionLaneOptions {
  readonly topic: TopicName;
  readonly partition: number;
  readonly group: string;
  readonly maxBatchBytes: number;
  readonly handler: BatchHandler;
  readonly pauses: PauseRange;
  readonly log: StreamLog;
  /** Makes the position durable, after the handler has returned and before the next batch is delivered. */
  settle(nextOffset: bigint): Promise<void>;
  /** There is room for more events again. */
  onRoom(): void;
  /**
   * For positions kept by the handler: asked after a failure. The handler refuses a batch that does not begin at its
   * stored position, and redelivering that batch would be in vain.
   */
  readonly storedPosition?: () => Promise<bigint | null>;
  /** The lane goes on at another offset: what it held is dropped, fetch from there. Null is the earliest event. */
  onMoved?(offset: bigint | null): void;
}

/**
 * Delivers the events of one partition, one batch at a time, and holds at most about two batches. It reads ahead while
 * the handler works, so that load makes large batches and the log is never waited for.
 *
 * Shared by the adapters, which fetch, and decide who owns the partition.
 */
export class PartitionLane {
  readonly #options: PartitionLaneOptions;
  readonly #closing = new AbortController();
  #isRevoked = false;
  #buffer: StreamEvent[] = [];
  #bufferedBytes = 0;
  #running: Promise<void> | null = null;
  #position: bigint | null;
  #fetchFrom: bigint | null;

  /** @param position where to begin; null is the earliest event */
  constructor(position: bigint | null, options: PartitionLaneOptions) {
    this.#position = position;
    this.#fetchFrom = position;
    this.#options = options;
  }

  get partition(): number {
    return this.#options.partition;
  }

  /** Everything before it has taken effect. Null: nothing yet, and it began at the earliest event. */
  get position(): bigint | null {
    return this.#position;
  }

  /** Everything before it is here already. Null: begin at the earliest event. */
  get fetchFrom(): bigint | null {
    return this.#fetchFrom;
  }

  get hasRoom(): boolean {
    return !this.#closing.signal.aborted && this.#bufferedBytes < this.#options.maxBatchBytes;
  }

  /** Takes events in order of offset. Those it has already are ignored: a server may send them again. */
  push(events: readonly StreamEvent[]): void {
    if (this.#closing.signal.aborted) return;
    for (const event of events) {
      if (this.#fetchFrom !== null && event.offset < this.#fetchFrom) continue;
      this.#buffer.push(event);
      this.#bufferedBytes += storedBytes(event);
      this.#fetchFrom = event.offset + 1n;
    }
    if (this.#buffer.length > 0) this.#running ??= this.#run();
  }

  /**
   * Delivers nothing more; resolves when the running handler has returned.
   *
   * @param outcome `settle` makes the position of the running batch durable; `revoke` leaves it to the new owner
   */
  async close(outcome: 'settle' | 'revoke'): Promise<void> {
    if (outcome === 'revoke') this.#isRevoked = true;
    this.#closing.abort();
    this.#clear();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted && this.#buffer.length > 0) {
      const batch = this.#take();
      if (this.hasRoom) this.#options.onRoom();
      await this.#deliver(batch);
    }
    this.#running = null;
  }

  async #deliver(batch: StreamBatch): Promise<void> {
    const { handler, log, pauses } = this.#options;
    for (let failures = 1; !this.#closing.signal.aborted; failures += 1) {
      try {
        await handler(batch);
      } catch (error) {
        const pauseMs = pauseAfter(failures, pauses);
        log({
          level: 'error',
          message: `A handler of ${batch.topic} failed; the batch comes again in ${pauseMs} ms`,
          details: { ...this.#details(), firstOffset: batch.events[0]?.offset, events: batch.events.length, failures },
          error,
        });
        await pause(pauseMs, this.#closing.signal);
        if (await this.#followStoredPosition()) return;
        continue;
      }
      await this.#settle(batch.nextOffset);
      return;
    }
  }

  async #settle(nextOffset: bigint): Promise<void> {
    if (this.#isRevoked) return;
    this.#position = nextOffset;
    try {
      await this.#options.settle(nextOffset);
    } catch (error) {
      // The next batch's position covers this one; until then a new owner would deliver this batch again.
      this.#options.log({
        level: 'warn',
        message: `The position of ${this.#options.topic} could not be stored`,
        details: { ...this.#details(), nextOffset },
        error,
      });
    }
  }

  async #followStoredPosition(): Promise<boolean> {
    const { storedPosition } = this.#options;
    if (!storedPosition || this.#closing.signal.aborted) return false;
    let stored: bigint | null;
    try {
      stored = await storedPosition();
    } catch (error) {
      this.#options.log({
        level: 'warn',
        message: `The stored position of ${this.#options.topic} could not be read`,
        details: this.#details(),
        error,
      });
      return false;
    }
    if (stored === this.#position || this.#closing.signal.aborted) return false;
    this.#clear();
    this.#position = stored;
    this.#fetchFrom = stored;
    this.#options.onMoved?.(stored);
    return true;
  }

  #take(): StreamBatch {
    const { topic, partition, maxBatchBytes } = this.#options;
    let count = 0;
    let bytes = 0;
    for (const event of this.#buffer) {
      bytes += storedBytes(event);
      if (count > 0 && bytes > maxBatchBytes) {
        bytes -= storedBytes(event);
        break;
      }
      count += 1;
    }
    const events = this.#buffer.slice(0, count);
    this.#buffer = this.#buffer.slice(count);
    this.#bufferedBytes -= bytes;
    const last = events[events.length - 1] as StreamEvent;
    return { topic, partition, events, nextOffset: last.offset + 1n };
  }

  #clear(): void {
    this.#buffer = [];
    this.#bufferedBytes = 0;
  }

  #details(): Record<string, unknown> {
    const { topic, partition, group } = this.#options;
    return { topic, partition, group };
  }
}

function storedBytes(event: StreamEvent): number {
  return event.key.length + event.value.byteLength;
}
