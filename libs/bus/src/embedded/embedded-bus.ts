import pg from 'pg';
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
import { workQueues } from '../bus.js';
import type { ReportError } from '../delivery-runner.js';
import { reportAsWarning } from '../delivery-runner.js';
import { busError } from '../failures.js';
import { assertAtomicBatch, assertMessage, assertHint } from '../limits.js';
import { allQueues } from '../queues.js';
import { Responders } from '../responders.js';
import { SignalHub } from '../signal-hub.js';
import { Database } from './database.js';
import { EmbeddedDeadLetters } from './embedded-dead-letters.js';
import { EmbeddedLeases } from './embedded-leases.js';
import { EmbeddedPublisher } from './embedded-publisher.js';
import { EmbeddedSubscription } from './embedded-subscription.js';
import { Housekeeping } from './housekeeping.js';
import { Notifier } from './notifier.js';
import { assertSchemaName, ensureSchema } from './schema.js';
import { Settlements } from './settlements.js';

export interface EmbeddedBusOptions {
  readonly connectionString: string;
  /** Name of this process, shown in `pg_stat_activity`. */
  readonly name?: string;
  /** Holds the bus's tables; buses in different schemas do not see each other. Default `millrace_bus`. */
  readonly schema?: string;
  /** Most connections, besides the one that listens. Default 8. */
  readonly maxConnections?: number;
  /** A publish or acknowledgement that was not confirmed after this long rejects. Default 30 000. */
  readonly publishTimeoutMs?: number;
  /** Told about failures that no caller can see. Default: a process warning. */
  readonly reportError?: ReportError;
}

export interface EmbeddedBus extends Bus {
  /** Ends at once, as a crash would: nothing is settled, leases run out by themselves. */
  abandon(): Promise<void>;
}

const defaultLeaseMs = 30_000;
const readyTimeoutMs = 1_000;
const connectTimeoutMs = 5_000;

/**
 * Every statement of the bus touches few rows by index. The tables are empty at one moment and hold many rows at the
 * next, so that a plan made from statistics, or kept from the empty table, is often a scan of everything.
 */
const planByIndex = ['seqscan', 'bitmapscan', 'hashjoin', 'mergejoin']
  .map((node) => `set enable_${node} = off`)
  .join('; ');

/** The bus in tables of PostgreSQL 14 or later: leases by `SKIP LOCKED`, wake-ups by `LISTEN` and `NOTIFY`. */
export async function createEmbeddedBus(options: EmbeddedBusOptions): Promise<EmbeddedBus> {
  const schema = options.schema ?? 'millrace_bus';
  assertSchemaName(schema);
  const reportError = options.reportError ?? reportAsWarning;
  const pool = new pg.Pool({
    connectionString: options.connectionString,
    max: options.maxConnections ?? 8,
    application_name: options.name ?? 'millrace',
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    // The pool waits for it before it hands the connection out; its types know only callbacks without a result.
    // oxlint-disable-next-line typescript/no-misused-promises
    onConnect: async (client) => void (await client.query(planByIndex)),
  });
  pool.on('error', (error) => reportError(error, 'An idle connection of the bus failed'));
  try {
    await ensureSchema(pool, schema);
    const bus = new PostgresBus(
      pool,
      schema,
      options.connectionString,
      reportError,
      options.publishTimeoutMs ?? 30_000,
    );
    await bus.open();
    return bus;
  } catch (error) {
    await pool.end();
    throw error;
  }
}

class PostgresBus implements EmbeddedBus {
  readonly leases: EmbeddedLeases;
  readonly deadLetters: EmbeddedDeadLetters;
  readonly #database: Database;
  readonly #schema: string;
  readonly #reportError: ReportError;
  readonly #publisher: EmbeddedPublisher;
  readonly #settlements: Settlements;
  readonly #notifier: Notifier;
  readonly #signals: SignalHub;
  readonly #responders = new Responders();
  readonly #housekeeping: Housekeeping;
  readonly #subscriptions = new Map<EmbeddedSubscription, QueueName>();
  #closing: Promise<void> | null = null;

  constructor(
    pool: pg.Pool,
    schema: string,
    connectionString: string,
    reportError: ReportError,
    publishTimeoutMs: number,
  ) {
    this.#schema = schema;
    this.#reportError = reportError;
    this.#database = new Database(pool);
    this.#signals = new SignalHub(reportError);
    this.#notifier = new Notifier(
      this.#database,
      connectionString,
      schema,
      {
        onQueues: (queues) => this.#wake(queues),
        onSignal: (topic, payload) => this.#signals.emit(topic, payload),
      },
      reportError,
    );
    const changed = (queues: ReadonlySet<string>): void => this.#notifier.queuesChanged(queues);
    this.#publisher = new EmbeddedPublisher(this.#database, schema, publishTimeoutMs, changed);
    this.#settlements = new Settlements(this.#database, schema, publishTimeoutMs);
    this.leases = new EmbeddedLeases(this.#database, schema);
    this.deadLetters = new EmbeddedDeadLetters(this.#database, schema, changed);
    this.#housekeeping = new Housekeeping(this.#database, schema, reportError);
  }

  async open(): Promise<void> {
    await this.#notifier.open();
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    for (const message of messages) assertMessage(message);
    this.#assertOpen();
    await Promise.all(messages.map((message) => this.#publisher.publish([message])));
  }

  async publishAtomic(messages: readonly OutgoingMessage[]): Promise<AtomicOutcome> {
    assertAtomicBatch(messages);
    this.#assertOpen();
    return messages.length === 0 ? 'published' : await this.#publisher.publish([...messages]);
  }

  async consume(options: ConsumerOptions, handler: DeliveryHandler): Promise<Subscription> {
    this.#assertOpen();
    if (!(options.maxInFlight >= 1)) throw new RangeError('maxInFlight is at least 1.');
    const { queue } = options;
    const subscription = new EmbeddedSubscription(
      {
        database: this.#database,
        schema: this.#schema,
        settlements: this.#settlements,
        queue,
        leaseMs: options.leaseMs ?? defaultLeaseMs,
        handedBack: (delayMs) => {
          // Sleeping consumers of this process learn of the new due time; those of others poll.
          if (delayMs === 0) this.#notifier.queuesChanged(new Set([queue]));
          else this.#wake([queue]);
        },
      },
      options,
      handler,
      this.#reportError,
    );
    this.#subscriptions.set(subscription, queue);
    return {
      drain: async () => {
        await subscription.drain();
        this.#subscriptions.delete(subscription);
      },
    };
  }

  async outstanding(runId: string): Promise<Outstanding> {
    const rows = await this.#database.rows<{ queue: QueueName; count: number }>(
      'outstanding',
      `select queue, count(*)::int as count from ${this.#schema}.message
       where key = $1 and queue = any ($2) group by queue`,
      [runId, workQueues],
    );
    const total = rows.reduce((sum, row) => sum + row.count, 0);
    return { total, byQueue: Object.fromEntries(rows.map((row) => [row.queue, row.count])) };
  }

  async status(): Promise<readonly QueueStatus[]> {
    const rows = await this.#database.rows<{ queue: QueueName; pending: number; leased: number; oldest_ms: number }>(
      'status',
      `select queue, (count(*) filter (where due_at <= now()))::int as pending,
         (count(*) filter (where due_at > now()))::int as leased,
         (extract(epoch from now() - min(published_at)) * 1000)::float8 as oldest_ms
       from ${this.#schema}.message group by queue`,
    );
    return allQueues.map((queue) => {
      const row = rows.find((each) => each.queue === queue);
      if (row === undefined) return { queue, pending: 0, leased: 0, oldestMs: null };
      return { queue, pending: row.pending, leased: row.leased, oldestMs: Math.max(0, row.oldest_ms) };
    });
  }

  signal(topic: string, payload: string): void {
    assertHint(payload);
    if (this.#closing === null) this.#notifier.signal(topic, payload);
  }

  onSignal(topic: string, listener: (payload: string) => void): () => void {
    return this.#signals.add(topic, listener);
  }

  async request(topic: string, payload: Uint8Array, timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array> {
    this.#assertOpen();
    return await this.#responders.request(topic, payload, timeoutMs, signal);
  }

  respond(topic: string, responder: Responder): Subscription {
    this.#assertOpen();
    return this.#responders.add(topic, responder);
  }

  offer(topic: string, payload: string): void {
    assertHint(payload);
    if (this.#closing !== null) return;
    const name = offerName(topic);
    if (!this.#signals.has(name)) this.#notifier.signal(name, payload);
    else setImmediate(() => this.#signals.emit(name, payload));
  }

  onOffer(topic: string, listener: (payload: string) => void): () => void {
    return this.#signals.add(offerName(topic), listener);
  }

  async isReady(): Promise<boolean> {
    if (this.#closing !== null) return false;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<false>((resolve) => (timer = setTimeout(resolve, readyTimeoutMs, false)));
    const answer = this.#database.rows('ready', 'select 1').then(
      () => true,
      // Any failure is the answer: not ready.
      () => false,
    );
    try {
      return await Promise.race([answer, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async abandon(): Promise<void> {
    for (const subscription of this.#subscriptions.keys()) subscription.abandon();
    this.#closing ??= this.#end();
    await this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#subscriptions.keys()].map((subscription) => subscription.drain()));
    await this.#responders.drain();
    await Promise.all([this.#publisher.idle(), this.#settlements.idle()]);
    await this.#end();
  }

  async #end(): Promise<void> {
    this.#housekeeping.stop();
    await this.#notifier.close();
    await this.#database.close();
  }

  #wake(queues: readonly string[]): void {
    for (const [subscription, queue] of this.#subscriptions) if (queues.includes(queue)) subscription.wake();
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw busError('bus_closed', 'The bus is closed.');
  }
}

/** Offers to other processes travel as signals of names that no signal has. */
function offerName(topic: string): string {
  return `offer/${topic}`;
}
