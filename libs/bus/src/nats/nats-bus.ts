import type { ConsumerInfo, JetStreamManager } from '@nats-io/jetstream';
import { jetstreamManager } from '@nats-io/jetstream';
import type { Subscription as NatsSub } from '@nats-io/transport-node';
import type {
  AtomicOutcome,
  Bus,
  ConsumerOptions,
  DeliveryHandler,
  Outstanding,
  OutgoingMessage,
  QueueName,
  QueueStatus,
  Responder,
  Subscription,
} from '../bus.js';
import type { ReportError } from '../delivery-runner.js';
import { reportAsWarning } from '../delivery-runner.js';
import { busError } from '../failures.js';
import { assertAtomicBatch, assertMessage, assertHint } from '../limits.js';
import { allQueues } from '../queues.js';
import { SignalHub } from '../signal-hub.js';
import type { ConnectionOptions } from './connection.js';
import { Connection } from './connection.js';
import { DeadLetterBox } from './dead-letter-box.js';
import { NatsLeases } from './nats-leases.js';
import { NatsRequests } from './nats-requests.js';
import { NatsSubscription } from './nats-subscription.js';
import { Publisher } from './publisher.js';
import { SettledSequences } from './settled-sequences.js';
import { Names } from './subjects.js';
import { defaultLeaseMs, ensureConsumer, ensureTopology } from './topology.js';

export interface NatsBusOptions {
  /** One URL, several separated by commas, or a list. */
  readonly servers: string | readonly string[];
  /** Name of this process, shown by the server's monitoring. */
  readonly name: string;
  /** Before every stream and subject, so that several buses share a server. Letters, digits, `-`, `_`. Default none. */
  readonly prefix?: string;
  /** Copies of each stream. Default: 1 for new streams, unchanged for existing ones. */
  readonly replicas?: number;
  /** A publish that was not confirmed after this long rejects. Default 30 000. */
  readonly publishTimeoutMs?: number;
  /** Credentials, TLS and the like, as the NATS client takes them. */
  readonly connection?: ConnectionOptions['connection'];
  /** Told about failures that no caller can see. Default: a process warning. */
  readonly reportError?: ReportError;
}

export interface NatsBus extends Bus {
  /** Ends at once, as a crash would: nothing is settled, leases run out by themselves. */
  abandon(): Promise<void>;
}

/**
 * The bus on NATS JetStream (server 2.12 or later, `max_payload` 8 MB; `sync_interval: always` makes "durable" mean on
 * disk). Waits until a server can be reached, and reconnects for ever.
 *
 * Limit of the server: when it restarts, it remembers the ids of the messages that it still holds, and forgets those of
 * messages that were acknowledged before the restart, even within the window. What a message carries on is therefore gone
 * before the message is (`carriesOn`).
 */
export async function createNatsBus(options: NatsBusOptions): Promise<NatsBus> {
  const names = new Names(options.prefix ?? '');
  const reportError = options.reportError ?? reportAsWarning;
  const connection = await Connection.open({ ...options, reportError });
  try {
    const jsm = await jetstreamManager(connection.nc, { timeout: 10_000 });
    await ensureTopology(jsm, names, options.replicas);
    return new JetStreamBus(connection, jsm, names, reportError, options.publishTimeoutMs ?? 30_000);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

const readyTimeoutMs = 1_000;

class JetStreamBus implements NatsBus {
  readonly leases: NatsLeases;
  readonly deadLetters: DeadLetterBox;
  readonly #connection: Connection;
  readonly #jsm: JetStreamManager;
  readonly #names: Names;
  readonly #reportError: ReportError;
  readonly #work: Publisher;
  readonly #commands: Publisher;
  readonly #requests: NatsRequests;
  readonly #settled = new SettledSequences();
  readonly #hints: SignalHub;
  readonly #hintSubs = new Map<string, NatsSub>();
  readonly #subscriptions = new Set<NatsSubscription>();
  #closing: Promise<void> | null = null;

  constructor(
    connection: Connection,
    jsm: JetStreamManager,
    names: Names,
    reportError: ReportError,
    publishTimeoutMs: number,
  ) {
    this.#connection = connection;
    this.#jsm = jsm;
    this.#names = names;
    this.#reportError = reportError;
    this.#work = new Publisher(connection, names, publishTimeoutMs);
    this.#commands = new Publisher(connection, names, publishTimeoutMs);
    this.#requests = new NatsRequests(connection, names, reportError);
    this.#hints = new SignalHub(reportError);
    this.leases = new NatsLeases(connection, jsm, names);
    this.deadLetters = new DeadLetterBox(connection, jsm, names, publishTimeoutMs);
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    for (const message of messages) assertMessage(message);
    this.#assertOpen();
    await Promise.all(messages.map((message) => this.#publisherOf(message.queue).publish([message])));
  }

  async publishAtomic(messages: readonly OutgoingMessage[]): Promise<AtomicOutcome> {
    assertAtomicBatch(messages);
    this.#assertOpen();
    const [first] = messages;
    if (first === undefined) return 'published';
    return await this.#publisherOf(first.queue).publish([...messages]);
  }

  async consume(options: ConsumerOptions, handler: DeliveryHandler): Promise<Subscription> {
    this.#assertOpen();
    if (!(options.maxInFlight >= 1)) throw new RangeError('maxInFlight is at least 1.');
    const leaseMs = options.leaseMs ?? defaultLeaseMs;
    await ensureConsumer(this.#jsm, this.#names, options.queue, {
      leaseMs,
      headersOnly: options.headersOnly ?? false,
    });
    const subscription = new NatsSubscription(
      {
        connection: this.#connection,
        jsm: this.#jsm,
        names: this.#names,
        deadLetters: this.deadLetters,
        settled: this.#settled,
        queue: options.queue,
        leaseMs,
      },
      options,
      handler,
      this.#reportError,
    );
    this.#subscriptions.add(subscription);
    return {
      drain: async () => {
        await subscription.drain();
        this.#subscriptions.delete(subscription);
      },
    };
  }

  async outstanding(runId: string): Promise<Outstanding> {
    const counts = await this.#countSubjects(this.#names.workStream, this.#names.runFilter(runId));
    let total = 0;
    for (const count of counts.values()) total += count;
    return { total, byQueue: Object.fromEntries(counts) };
  }

  async status(): Promise<readonly QueueStatus[]> {
    await this.#connection.whenConnected(readyTimeoutMs);
    return await Promise.all(
      allQueues.map(async (queue) => {
        const info = await this.#jsm.consumers.info(this.#names.streamOf(queue), this.#names.consumerOf(queue));
        return await this.#queueStatus(queue, info);
      }),
    );
  }

  signal(topic: string, payload: string): void {
    this.#hint(this.#names.signalSubject(topic), payload);
  }

  onSignal(topic: string, listener: (payload: string) => void): () => void {
    return this.#listen(this.#names.signalSubject(topic), {}, listener);
  }

  offer(topic: string, payload: string): void {
    this.#hint(this.#names.offerSubject(topic), payload);
  }

  onOffer(topic: string, listener: (payload: string) => void): () => void {
    return this.#listen(this.#names.offerSubject(topic), { queue: 'offer' }, listener);
  }

  async request(topic: string, payload: Uint8Array, timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array> {
    this.#assertOpen();
    return await this.#requests.request(topic, payload, timeoutMs, signal);
  }

  respond(topic: string, responder: Responder): Subscription {
    this.#assertOpen();
    return this.#requests.respond(topic, responder);
  }

  async isReady(): Promise<boolean> {
    if (!this.#connection.connected) return false;
    try {
      await this.#connection.request('$JS.API.INFO', '', readyTimeoutMs);
      return true;
    } catch {
      // Any failure is the answer: not ready.
      return false;
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async abandon(): Promise<void> {
    for (const subscription of this.#subscriptions) subscription.abandon();
    this.#closing ??= this.#connection.close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.drain()));
    await this.#requests.drain();
    await Promise.all([this.#work.idle(), this.#commands.idle()]);
    if (this.#connection.connected) await this.#connection.nc.flush();
    await this.#connection.close();
  }

  #hint(subject: string, payload: string): void {
    assertHint(payload);
    // A hint that would wait for a broker is stale when it arrives.
    if (this.#closing === null && this.#connection.connected) this.#connection.nc.publish(subject, payload);
  }

  #listen(subject: string, options: { queue?: string }, listener: (payload: string) => void): () => void {
    const remove = this.#hints.add(subject, listener);
    if (!this.#hintSubs.has(subject)) {
      const sub = this.#connection.nc.subscribe(subject, {
        ...options,
        callback: (error, message) => {
          if (error) this.#reportError(error, `The subscription to ${subject} failed`);
          else this.#hints.emit(subject, message.string());
        },
      });
      this.#hintSubs.set(subject, sub);
    }
    return () => {
      remove();
      if (this.#hints.has(subject)) return;
      this.#hintSubs.get(subject)?.unsubscribe();
      this.#hintSubs.delete(subject);
    };
  }

  #publisherOf(queue: QueueName): Publisher {
    return this.#names.streamOf(queue) === this.#names.workStream ? this.#work : this.#commands;
  }

  async #countSubjects(stream: string, filter: string): Promise<Map<QueueName, number>> {
    await this.#connection.whenConnected(readyTimeoutMs);
    const info = await this.#jsm.streams.info(stream, { subjects_filter: filter }).catch((error: unknown) => {
      throw busError('bus_unavailable', 'NATS could not count the outstanding work.', error);
    });
    const counts = new Map<QueueName, number>();
    for (const [subject, count] of Object.entries(info.state.subjects ?? {})) {
      const queue = this.#names.queueOf(subject);
      if (queue !== null) counts.set(queue, (counts.get(queue) ?? 0) + count);
    }
    return counts;
  }

  async #queueStatus(queue: QueueName, info: ConsumerInfo): Promise<QueueStatus> {
    const [pending, leased] = [info.num_pending, info.num_ack_pending];
    if (pending + leased === 0) return { queue, pending, leased, oldestMs: null };
    const oldest = await this.#jsm.direct.getMessage(this.#names.streamOf(queue), {
      seq: 1,
      next_by_subj: this.#names.queueFilter(queue),
    });
    const now = info.ts === undefined ? Date.now() : Date.parse(info.ts);
    return { queue, pending, leased, oldestMs: oldest === null ? null : Math.max(0, now - oldest.time.getTime()) };
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw busError('bus_closed', 'The bus is closed.');
  }
}
