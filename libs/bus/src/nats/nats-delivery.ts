import { JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream';
import type { Delivery, QueueName } from '../bus.js';
import { busError } from '../failures.js';
import { retryWhileUnavailable } from '../retry.js';
import { SettledOnce } from '../settled-once.js';
import type { Connection } from './connection.js';
import { toNanos } from './connection.js';
import type { DeadLetterBox } from './dead-letter-box.js';
import type { LeasedMessage } from './hand-over.js';
import type { Names } from './subjects.js';
import type { SettledSequences } from './settled-sequences.js';
import { carriedOn, idOf, omittedBodyBytes, userHeaders } from './wire.js';

const settleTimeoutMs = 2_000;
const maxUnanswered = 2;
const sequenceNotFound = 10_043;
const messageDeleteFailed = 10_057;
const noMessage = 'no message found';

export interface DeliveryContext {
  readonly connection: Connection;
  readonly jsm: JetStreamManager;
  readonly names: Names;
  readonly deadLetters: DeadLetterBox;
  readonly settled: SettledSequences;
  readonly queue: QueueName;
  readonly leaseMs: number;
}

/** A message leased from a JetStream consumer. Settlements are requests: they resolve when the server recorded them. */
export class NatsDelivery implements Delivery {
  readonly queue: QueueName;
  readonly key: string;
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bodyBytes: number;
  readonly attempt: number;
  readonly #context: DeliveryContext;
  readonly #replySubject: string;
  readonly sequence: number;
  readonly #carriesOn: number | undefined;
  readonly #delivered: Uint8Array | null;
  #leaseEndsAt: number;

  constructor(message: LeasedMessage, context: DeliveryContext) {
    this.#context = context;
    this.#replySubject = message.reply;
    this.#leaseEndsAt = performance.now() + context.leaseMs;
    const { deliveries, streamSequence } = parseAckSubject(this.#replySubject);
    this.sequence = streamSequence;
    this.#carriesOn = carriedOn(message.headers);
    this.attempt = deliveries;
    this.queue = context.queue;
    this.key = context.names.keyOf(context.queue, message.subject);
    this.id = idOf(message.headers, context.queue);
    this.headers = userHeaders(message.headers);
    const omitted = omittedBodyBytes(message.headers);
    this.#delivered = omitted === undefined ? message.data : null;
    this.bodyBytes = omitted ?? message.data.byteLength;
  }

  async body(): Promise<Uint8Array> {
    if (this.#delivered !== null) return this.#delivered;
    const { jsm, names, connection } = this.#context;
    await connection.whenConnected(settleTimeoutMs);
    const stored = await jsm.direct
      .getMessage(names.streamOf(this.queue), { seq: this.sequence })
      .catch((error: unknown) => {
        throw busError('bus_unavailable', `The body of a message of ${this.queue} could not be read.`, error);
      });
    if (stored === null) throw busError('bus_message_gone', `A message of ${this.queue} was settled by someone else.`);
    return stored.data;
  }

  async ack(): Promise<void> {
    await this.#settleCarriedOn();
    await this.#settle('+ACK');
    this.#context.settled.add(this.sequence);
  }

  async nack(delayMs: number): Promise<void> {
    // After the lease the message may be someone else's; handing it back would take it from them.
    if (performance.now() > this.#leaseEndsAt) return;
    await this.#settle(delayMs > 0 ? `-NAK {"delay":${toNanos(Math.round(delayMs))}}` : '-NAK');
  }

  async extend(): Promise<void> {
    const renewedAt = performance.now();
    await this.#settle('+WPI');
    this.#leaseEndsAt = renewedAt + this.#context.leaseMs;
  }

  async reject(reason: string): Promise<void> {
    const { deadLetters } = this.#context;
    await deadLetters.add(this, this.sequence, await this.body(), reason);
    await this.#settleCarriedOn();
    await this.#settle('+TERM');
  }

  /**
   * The server knows ids only of messages that it holds, once it was restarted. So what this message carries on must be
   * gone first, or a second delivery of that could publish this one again. Most often it was settled here.
   */
  async #settleCarriedOn(): Promise<void> {
    const sequence = this.#carriesOn;
    const { settled, jsm, names } = this.#context;
    if (sequence === undefined || settled.has(sequence)) return;
    await this.#whileLeased(async () => {
      await jsm.streams.deleteMessage(names.streamOf(this.queue), sequence, false).catch((error: unknown) => {
        if (isGone(error)) return;
        throw busError('bus_unavailable', 'A message that was carried on could not be settled.', error);
      });
    });
    settled.add(sequence);
  }

  /**
   * Repeated while the connection is away, for as long as the lease lasts. A server that is there but does not answer
   * has forgotten the lease in a crash and delivers the message again: waiting longer would only block this consumer.
   *
   * @throws PlatformError `bus_unavailable` when the server did not confirm
   */
  async #settle(verdict: string): Promise<void> {
    const { connection } = this.#context;
    await this.#whileLeased(() => connection.request(this.#replySubject, verdict, settleTimeoutMs));
  }

  async #whileLeased(request: () => Promise<unknown>): Promise<void> {
    const { connection } = this.#context;
    const leftMs = Math.max(0, this.#leaseEndsAt - performance.now());
    let unanswered = 0;
    await retryWhileUnavailable(
      async () => {
        await connection.whenConnected(leftMs);
        try {
          await request();
        } catch (error) {
          if (connection.connected) unanswered += 1;
          throw error;
        }
      },
      { forMs: leftMs, isTransient: () => unanswered < maxUnanswered && !connection.nc.isClosed() },
    );
  }
}

/** Where the message of a delivery is stored. Undefined for work that was only offered: it is no message, and never comes again. */
export function sequenceOf(delivery: Delivery): number | undefined {
  const inner = delivery instanceof SettledOnce ? delivery.inner : delivery;
  return inner instanceof NatsDelivery ? inner.sequence : undefined;
}

/** Which of the two the server says depends on whether the place where the message was is still there. */
function isGone(error: unknown): boolean {
  if (!(error instanceof JetStreamApiError)) return false;
  return error.code === sequenceNotFound || (error.code === messageDeleteFailed && error.message === noMessage);
}

/**
 * `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`
 */
export function parseAckSubject(subject: string): { deliveries: number; streamSequence: number } {
  const tokens = subject.split('.');
  const offset = tokens.length === 9 ? 4 : 6;
  return { deliveries: Number(tokens[offset]), streamSequence: Number(tokens[offset + 1]) };
}
