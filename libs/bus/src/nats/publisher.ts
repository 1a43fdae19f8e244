import { nuid } from '@nats-io/transport-node';
import type { Msg } from '@nats-io/transport-node';
import { PlatformError } from '#failures';
import type { AtomicOutcome, OutgoingMessage } from '../bus.js';
import { busCodes, busError } from '../failures.js';
import type { Pending } from '#lanes/lane';
import { Lane } from '#lanes/lane';
import { messageBytes, scopedId } from '../limits.js';
import { retryWhileUnavailable } from '../retry.js';
import type { Connection } from './connection.js';
import { sequenceOf } from './nats-delivery.js';
import type { Names } from './subjects.js';
import { toHeaders, toWire } from './wire.js';

/** Messages that are written all or not at all: one, or an atomic batch. */
type Unit = readonly OutgoingMessage[];

const maxBatchMessages = 1_000;
const maxBatchBytes = 4 * 1024 * 1024;
const requestTimeoutMs = 10_000;
const duplicateInBatch = 10_201;
const incompleteBatch = 10_176;
const tooManyBatches = 10_210;

/**
 * An atomic batch costs the server a staging file and two syncs (5 to 12 ms), but only one sync for all its messages;
 * single publishes cost one sync each. Measured with `sync_interval: always`: 100 messages of 500 bytes take 46 ms one
 * by one and 16 ms as a batch; 10 take 3 and 11 ms; messages of 20 KB and more are written twice by a batch and gain
 * little.
 */
const batchFromMessages = 48;
const batchBelowMeanBytes = 20_000;

/** The server refused; trying the same again would be refused again, unless `transient`. */
class Refusal extends Error {
  constructor(
    readonly code: number,
    description: string,
  ) {
    super(`NATS refused a publish: ${description} (${code})`);
  }
}

/** Publishes to one stream: one group of messages in flight, everything that arrives meanwhile in the next. */
export class Publisher {
  readonly #connection: Connection;
  readonly #names: Names;
  readonly #timeoutMs: number;
  readonly #lane: Lane<Unit, AtomicOutcome>;

  /** @param timeoutMs a publish that was not confirmed after this long is given up */
  constructor(connection: Connection, names: Names, timeoutMs: number) {
    this.#connection = connection;
    this.#names = names;
    this.#timeoutMs = timeoutMs;
    this.#lane = new Lane({
      maxItems: maxBatchMessages,
      maxBytes: maxBatchBytes,
      send: (batch) => this.#send(batch),
      // A batch may hold 1 000 messages in all, so units weigh by bytes and by count.
      bytesOf: (unit) =>
        unit.reduce((sum, message) => sum + Math.max(messageBytes(message), maxBatchBytes / maxBatchMessages), 0),
      keysOf: (unit) => unit.map(scopedId),
    });
  }

  publish(unit: Unit): Promise<AtomicOutcome> {
    return this.#lane.submit(unit);
  }

  idle(): Promise<void> {
    return this.#lane.idle();
  }

  async #send(batch: readonly Pending<Unit, AtomicOutcome>[]): Promise<void> {
    const messages = batch.flatMap((entry) => entry.item);
    if (batch.length > 1 && isWorthBatching(batch, messages)) {
      try {
        await this.#patiently(() => this.#commit(messages));
        for (const entry of batch) entry.resolve('published');
        return;
      } catch (error) {
        // One refused message refuses its whole batch, so each unit now speaks for itself.
        if (!(error instanceof Refusal)) throw error;
      }
    }
    await Promise.all(
      batch.map(async (entry) => {
        try {
          entry.resolve(await this.#patiently(() => this.#publishUnit(entry.item)));
        } catch (error) {
          entry.reject(
            error instanceof Refusal ? busError('bus_message_invalid', 'NATS refused a message.', error) : error,
          );
        }
      }),
    );
  }

  async #publishUnit(unit: Unit): Promise<AtomicOutcome> {
    const [only] = unit;
    if (unit.length === 1 && only !== undefined) return await this.#publishOne(only);
    try {
      await this.#commit(unit);
      return 'published';
    } catch (error) {
      if (error instanceof Refusal && error.code === duplicateInBatch) return 'already';
      throw error;
    }
  }

  async #publishOne(message: OutgoingMessage): Promise<AtomicOutcome> {
    const wire = this.#toWire(message);
    const answer = await this.#connection.request(wire.subject, wire.body, requestTimeoutMs, toHeaders(wire.headers));
    return parseAck(answer).duplicate === true ? 'already' : 'published';
  }

  /** Writes all messages as one atomic batch. The server answers only the last; it speaks for all. */
  async #commit(messages: readonly OutgoingMessage[]): Promise<void> {
    await this.#connection.whenConnected(requestTimeoutMs);
    const batchId = nuid.next();
    for (const [index, message] of messages.entries()) {
      const wire = this.#toWire(message);
      const headers = toHeaders(wire.headers);
      headers.set('Nats-Batch-Id', batchId);
      headers.set('Nats-Batch-Sequence', String(index + 1));
      if (index < messages.length - 1) {
        this.#connection.nc.publish(wire.subject, wire.body, { headers });
        continue;
      }
      headers.set('Nats-Batch-Commit', '1');
      const ack = parseAck(await this.#connection.request(wire.subject, wire.body, requestTimeoutMs, headers));
      if (ack.count !== messages.length) {
        throw new Refusal(0, `the batch holds ${messages.length} messages, the server counted ${String(ack.count)}`);
      }
    }
  }

  #toWire(message: OutgoingMessage): ReturnType<typeof toWire> {
    const { queue, key, carriesOn } = message;
    const subject = this.#names.subject(queue, key);
    return toWire(message, subject, carriesOn && sequenceOf(carriesOn));
  }

  /** Repeating is safe: ids make the second attempt of what was written without an answer a duplicate. */
  async #patiently<T>(request: () => Promise<T>): Promise<T> {
    return await retryWhileUnavailable(request, { forMs: this.#timeoutMs, isTransient });
  }
}

function isWorthBatching(
  batch: readonly Pending<Unit, AtomicOutcome>[],
  messages: readonly OutgoingMessage[],
): boolean {
  if (batch.some((entry) => entry.item.length > 1)) return true;
  const bytes = messages.reduce((sum, message) => sum + messageBytes(message), 0);
  return messages.length >= batchFromMessages && bytes / messages.length < batchBelowMeanBytes;
}

interface Ack {
  readonly duplicate?: boolean;
  readonly count?: number;
}

function parseAck(answer: Msg): Ack {
  const ack: {
    error?: { err_code?: number; code?: number; description?: string };
    duplicate?: boolean;
    count?: number;
  } = answer.json();
  if (ack.error) {
    const refusal = new Refusal(ack.error.err_code ?? 0, ack.error.description ?? 'without a reason');
    // 5xx: the server cannot serve now (no leader, no room): the message may be fine.
    if ((ack.error.code ?? 0) >= 500) throw busError('bus_unavailable', 'NATS cannot take messages now.', refusal);
    throw refusal;
  }
  return ack;
}

/**
 * An incomplete batch is one whose beginning was lost with the connection, or refused because too many batches were
 * open: nothing of it was written.
 */
function isTransient(error: unknown): boolean {
  if (error instanceof Refusal) return error.code === incompleteBatch || error.code === tooManyBatches;
  return error instanceof PlatformError && error.code === busCodes.bus_unavailable.code;
}
