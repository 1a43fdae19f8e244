import { Partitioners, type Kafka, type Message, type Producer } from 'kafkajs';
import { CoalescingQueue } from '#lanes/coalescing-queue';
import { eventBytes, maxRequestBytes, maxRequestEvents } from '../limits.js';
import type { StreamLog } from '../stream-log.js';
import type { OutgoingEvent } from '../stream.js';
import type { KafkaTopic } from './topics.js';

interface Outgoing {
  readonly topic: KafkaTopic;
  readonly event: OutgoingEvent;
}

const allReplicas = -1;
/** Between requests under load: a request costs client and broker more CPU than dozens of small events. */
const requestSpacingMs = 20;

/**
 * The producing side of a process: one request in flight, idempotent, acknowledged by all replicas.
 *
 * An idempotent producer numbers its batches, and the broker drops a number that it has seen. After a request that
 * failed for good the client uses the number again, for other events; had the failed request reached the broker after
 * all, those would be dropped and acknowledged. So a producer that gave up is thrown away: its successor has a new
 * identity, and starts counting from nothing.
 */
export class ProducerChannel {
  readonly #kafka: Kafka;
  readonly #log: StreamLog;
  readonly #queue: CoalescingQueue<Outgoing>;
  #producer: Promise<Producer> | null = null;

  constructor(kafka: Kafka, log: StreamLog) {
    this.#kafka = kafka;
    this.#log = log;
    this.#queue = new CoalescingQueue({
      send: (items) => this.#send(items),
      bytesOf: ({ event }) => eventBytes(event),
      maxBytes: maxRequestBytes,
      maxItems: maxRequestEvents,
      spacingMs: requestSpacingMs,
    });
  }

  produce(topic: KafkaTopic, events: readonly OutgoingEvent[]): Promise<void> {
    return this.#queue.push(events.map((event) => ({ topic, event })));
  }

  async close(): Promise<void> {
    await this.#queue.idle();
    await this.#discard();
  }

  async #send(items: readonly Outgoing[]): Promise<void> {
    const messages = new Map<string, Message[]>();
    for (const { topic, event } of items) {
      let list = messages.get(topic.brokerName);
      if (!list) messages.set(topic.brokerName, (list = []));
      list.push(toMessage(event));
    }
    try {
      this.#producer ??= this.#connect();
      const producer = await this.#producer;
      await producer.sendBatch({
        acks: allReplicas,
        topicMessages: [...messages].map(([topic, list]) => ({ topic, messages: list })),
      });
    } catch (error) {
      await this.#discard();
      throw error;
    }
  }

  async #connect(): Promise<Producer> {
    const producer = this.#kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      // Outlasts the restart of a broker. Then the caller repeats what matters: work not acknowledged comes again.
      retry: { maxRetryTime: 4_000, retries: 8 },
    });
    await producer.connect();
    return producer;
  }

  async #discard(): Promise<void> {
    const producer = this.#producer;
    this.#producer = null;
    try {
      await (await producer)?.disconnect();
    } catch (error) {
      // It is not used again either way.
      this.#log({ level: 'warn', message: 'A Kafka producer could not be closed', details: {}, error });
    }
  }
}

function toMessage({ key, value, headers }: OutgoingEvent): Message {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return headers ? { key, value: bytes, headers: { ...headers } } : { key, value: bytes };
}
