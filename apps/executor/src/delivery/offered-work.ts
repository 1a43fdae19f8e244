import type { Bus, Delivery, OutgoingMessage } from '#bus';
import { signals, type FirstSlice, type GenerateHeader } from '#contracts';
import type { RunRow } from '../runs/run-directory.js';
import { firstSliceHeader, firstSliceMessage } from '../generate/slice-publisher.js';
import { traceHeader } from './work-header.js';

/**
 * Work that was offered rather than leased: no queue holds it, so there is nothing to acknowledge. Handing it back, for
 * whatever reason, puts it on its queue. While it is under way the scheduler is told so, or it would publish it; when this
 * process dies, it does (docs/architecture.md).
 */
export class OfferedWork implements Delivery {
  readonly attempt = 1;
  readonly queue = 'work.generate';
  readonly bodyBytes = 0;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What the message would say; as long as it is none, it need not be written and read. */
  readonly header: GenerateHeader;
  /** The run's row, where the offer says all of it. */
  readonly row: RunRow | undefined;
  readonly #traceparent: string | undefined;
  readonly #bus: Pick<Bus, 'publish' | 'signal'>;

  constructor(slice: FirstSlice, bus: Pick<Bus, 'publish' | 'signal'>) {
    this.key = slice.runId;
    this.header = firstSliceHeader({ ...slice, ordinal: 0 });
    this.row = slice.job && rowOf(slice, slice.job.startedAt);
    this.#traceparent = slice.traceparent ?? undefined;
    this.headers = this.#traceparent === undefined ? {} : { [traceHeader]: this.#traceparent };
    this.#bus = bus;
  }

  get id() {
    return this.#message().id;
  }

  async body(): Promise<Uint8Array> {
    return this.#message().body;
  }

  async ack(): Promise<void> {
    // What replaced it is durable by now; of itself nothing is stored.
  }

  nack(): Promise<void> {
    return this.#bus.publish([this.#message()]);
  }

  async extend(): Promise<void> {
    this.#bus.signal(signals.workHeld, this.key);
  }

  /** Whoever leases it from the queue will find the same, and can move it to the dead letters. */
  reject(): Promise<void> {
    return this.#bus.publish([this.#message()]);
  }

  #message(): OutgoingMessage {
    return firstSliceMessage(this.header, this.#traceparent);
  }
}

function rowOf({ runId, accountId, flowId }: FirstSlice, startedAt: string): RunRow {
  const ids = { _id: runId, accountId, _flowId: flowId };
  return { ...ids, type: 'flow', status: 'running', request: {}, createdAt: startedAt, startedAt };
}
