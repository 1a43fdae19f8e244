import { Kafka, logLevel, type Admin } from 'kafkajs';
import { assertProducible, defaultPartitions } from '../limits.js';
import { redeliveryPauses, succeedsWithin } from '../pauses.js';
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
import { createKafkaLogging } from './kafka-logging.js';
import type { KafkaStreamOptions } from './kafka-options.js';
import { ProducerChannel } from './producer-channel.js';
import { repairRequestQueue } from './request-queue-repair.js';
import { KafkaSubscription } from './subscription.js';
import { KafkaTopics } from './topics.js';

const defaultSessionTimeoutMs = 10_000;
const asTheClusterIsConfigured = -1;
const readinessTimeoutMs = 2_000;

/** The stream on Apache Kafka. Connects when first used. */
export class KafkaStream implements Stream {
  readonly #options: KafkaStreamOptions;
  readonly #log: StreamLog;
  readonly #kafka: Kafka;
  readonly #topics: KafkaTopics;
  readonly #producer: ProducerChannel;
  readonly #subscriptions = new Set<KafkaSubscription>();
  #admin: Promise<Admin> | null = null;
  #closed: Promise<void> | null = null;

  constructor(options: KafkaStreamOptions) {
    repairRequestQueue();
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.#kafka = new Kafka({
      clientId: options.clientId ?? 'millrace',
      brokers: [...options.brokers],
      ssl: options.ssl,
      sasl: options.sasl,
      socketFactory: options.socketFactory,
      logLevel: logLevel.WARN,
      logCreator: createKafkaLogging(this.#log),
      connectionTimeout: 5_000,
      requestTimeout: 15_000,
      // Short, because the client nests these: an operation is retried, and so is every connection that it needs.
      retry: { initialRetryTime: 100, multiplier: 2, maxRetryTime: 1_000, retries: 4 },
    });
    this.#topics = new KafkaTopics({
      admin: () => this.#connectedAdmin(),
      prefix: options.topicPrefix ?? '',
      partitions: options.partitions ?? defaultPartitions,
      replicationFactor: options.replicationFactor ?? asTheClusterIsConfigured,
    });
    this.#producer = new ProducerChannel(this.#kafka, this.#log);
  }

  async produce(topic: TopicName, events: readonly OutgoingEvent[]): Promise<void> {
    this.#assertOpen();
    assertProducible(events);
    if (events.length === 0) return;
    await this.#producer.produce(await this.#topics.get(topic), events);
  }

  async consume(options: StreamConsumerOptions, handler: BatchHandler): Promise<StreamSubscription> {
    this.#assertOpen();
    const topic = await this.#topics.get(options.topic);
    const subscription = new KafkaSubscription(
      {
        kafka: this.#kafka,
        admin: () => this.#connectedAdmin(),
        topic,
        // A Kafka group shares its members' topics out together, so each topic gets a group of its own.
        groupId: `${this.#options.groupPrefix ?? ''}${options.group}.${options.topic}`,
        sessionTimeoutMs: this.#options.sessionTimeoutMs ?? defaultSessionTimeoutMs,
        pauses: this.#options.redeliveryPauses ?? redeliveryPauses,
        log: this.#log,
      },
      options,
      handler,
    );
    this.#assertOpen();
    this.#subscriptions.add(subscription);
    await subscription.start();
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
    const answered = this.#connectedAdmin().then((admin) => admin.describeCluster());
    return await succeedsWithin(answered, readinessTimeoutMs);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.drain()));
    this.#subscriptions.clear();
    await this.#producer.close();
    try {
      await (await this.#admin)?.disconnect();
    } catch (error) {
      this.#log({ level: 'warn', message: 'The Kafka administration client could not be closed', details: {}, error });
    }
  }

  #connectedAdmin(): Promise<Admin> {
    this.#admin ??= this.#connectAdmin();
    return this.#admin;
  }

  async #connectAdmin(): Promise<Admin> {
    const admin = this.#kafka.admin();
    try {
      await admin.connect();
      return admin;
    } catch (error) {
      // The next caller tries again.
      this.#admin = null;
      throw error;
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error('The stream is closed');
  }
}
