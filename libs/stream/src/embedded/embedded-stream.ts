import pg from 'pg';
import { CoalescingQueue } from '#lanes/coalescing-queue';
import {
  assertProducible,
  defaultMaxBatchBytes,
  defaultPartitions,
  eventBytes,
  maxRequestBytes,
  maxRequestEvents,
  retentionMs,
} from '../limits.js';
import { redeliveryPauses, succeedsWithin, type PauseRange } from '../pauses.js';
import { silentLog, type StreamLog } from '../stream-log.js';
import type {
  BatchHandler,
  OutgoingEvent,
  PartitionLag,
  Stream,
  StreamConsumerOptions,
  StreamSubscription,
  TopicName,
} from '../stream.js';
import { appendEvents } from './append.js';
import { GroupMember } from './group-member.js';
import { Positions } from './positions.js';
import { pruneEvents } from './retention.js';
import { ensureSchema } from './schema.js';
import { Session } from './session.js';
import { EmbeddedSubscription } from './subscription.js';
import { Topics } from './topics.js';

const pruneIntervalMs = 60 * 60 * 1_000;
const readinessTimeoutMs = 2_000;

export interface EmbeddedStreamOptions {
  /** PostgreSQL; the stream keeps to its own schema, `millrace_stream`. */
  readonly databaseUrl: string;
  /** Of topics that do not exist yet. Default 8. */
  readonly partitions?: number;
  /** Between two deliveries of a batch whose handler throws. Default 1 s … 30 s. */
  readonly redeliveryPauses?: PauseRange;
  /** Default silent. */
  readonly log?: StreamLog;
}

/** The stream as append-only tables in PostgreSQL, durable and shared by any number of processes. */
export class EmbeddedStream implements Stream {
  readonly #options: EmbeddedStreamOptions;
  readonly #log: StreamLog;
  readonly #pool: pg.Pool;
  readonly #session: Session;
  readonly #topics: Topics;
  readonly #positions: Positions;
  readonly #queues = new Map<TopicName, CoalescingQueue<OutgoingEvent>>();
  readonly #subscriptions = new Set<EmbeddedSubscription>();
  readonly #ownedInProcess = new Set<string>();
  readonly #pruning: NodeJS.Timeout;
  #closed: Promise<void> | null = null;

  private constructor(options: EmbeddedStreamOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.#pool = new pg.Pool({
      connectionString: options.databaseUrl,
      application_name: 'millrace-stream',
      max: 6,
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
    });
    // The error itself carries the whole client object: only its message is for the log.
    this.#pool.on('error', ({ message: reason }) =>
      this.#log({ level: 'warn', message: 'An idle database connection of the stream ended', details: { reason } }),
    );
    this.#session = new Session(options.databaseUrl, this.#log);
    this.#topics = new Topics(this.#pool, options.partitions ?? defaultPartitions);
    this.#positions = new Positions(this.#pool);
    this.#pruning = setInterval(() => void this.#prune(), pruneIntervalMs);
    this.#pruning.unref();
  }

  /** Creates the schema when it is missing. */
  static async open(options: EmbeddedStreamOptions): Promise<EmbeddedStream> {
    const stream = new EmbeddedStream(options);
    try {
      await ensureSchema(stream.#pool);
    } catch (error) {
      await stream.close();
      throw error;
    }
    void stream.#prune();
    return stream;
  }

  async produce(topic: TopicName, events: readonly OutgoingEvent[]): Promise<void> {
    this.#assertOpen();
    assertProducible(events);
    await this.#queueOf(topic).push(events);
  }

  async consume(options: StreamConsumerOptions, handler: BatchHandler): Promise<StreamSubscription> {
    this.#assertOpen();
    const topic = await this.#topics.get(options.topic);
    const groupId = await this.#positions.register(topic, options.group);
    this.#assertOpen();
    const subscription = new EmbeddedSubscription(
      {
        pool: this.#pool,
        session: this.#session,
        positions: this.#positions,
        topic,
        groupId,
        member: new GroupMember({
          session: this.#session,
          groupId,
          partitions: topic.partitions,
          ownedInProcess: this.#ownedInProcess,
        }),
        maxBatchBytes: options.maxBatchBytes ?? defaultMaxBatchBytes,
        pauses: this.#options.redeliveryPauses ?? redeliveryPauses,
        log: this.#log,
      },
      options,
      handler,
    );
    this.#subscriptions.add(subscription);
    return {
      drain: async () => {
        await subscription.drain();
        this.#subscriptions.delete(subscription);
      },
    };
  }

  async lag(): Promise<readonly PartitionLag[]> {
    return (await Promise.all([...this.#subscriptions].map((subscription) => subscription.lag()))).flat();
  }

  async isReady(): Promise<boolean> {
    if (this.#closed) return false;
    return await succeedsWithin(this.#pool.query('select 1'), readinessTimeoutMs);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    clearInterval(this.#pruning);
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.drain()));
    this.#subscriptions.clear();
    await Promise.all([...this.#queues.values()].map((queue) => queue.idle()));
    await this.#positions.idle();
    await this.#session.close();
    await this.#pool.end();
  }

  #queueOf(name: TopicName): CoalescingQueue<OutgoingEvent> {
    let queue = this.#queues.get(name);
    if (!queue) {
      queue = new CoalescingQueue({
        send: async (events) => appendEvents(this.#pool, await this.#topics.get(name), events),
        bytesOf: eventBytes,
        maxBytes: maxRequestBytes,
        maxItems: maxRequestEvents,
      });
      this.#queues.set(name, queue);
    }
    return queue;
  }

  async #prune(): Promise<void> {
    try {
      await pruneEvents(this.#pool, retentionMs);
    } catch (error) {
      if (this.#closed) return;
      this.#log({ level: 'warn', message: 'Old events could not be deleted', details: {}, error });
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error('The stream is closed');
  }
}
