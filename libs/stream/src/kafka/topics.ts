import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import { maxEventBytes, retentionMs } from '../limits.js';
import type { TopicName } from '../stream.js';

export interface KafkaTopic {
  readonly name: TopicName;
  /** as the brokers know it, prefix included */
  readonly brokerName: string;
  readonly partitions: number;
}

const leadersWithinMs = 30_000;
const leaderPollMs = 50;

/** Topics by name, created when first used. An existing topic stays as its operator made it. */
export class KafkaTopics {
  readonly #admin: () => Promise<Admin>;
  readonly #prefix: string;
  readonly #partitions: number;
  readonly #replicationFactor: number;
  readonly #known = new Map<TopicName, Promise<KafkaTopic>>();

  constructor(options: {
    admin: () => Promise<Admin>;
    prefix: string;
    partitions: number;
    /** -1 leaves it to the cluster */
    replicationFactor: number;
  }) {
    this.#admin = options.admin;
    this.#prefix = options.prefix;
    this.#partitions = options.partitions;
    this.#replicationFactor = options.replicationFactor;
  }

  get(name: TopicName): Promise<KafkaTopic> {
    const known = this.#known.get(name);
    if (known) return known;
    const found = this.#ensure(name);
    this.#known.set(name, found);
    // The next caller tries again.
    found.catch(() => this.#known.delete(name));
    return found;
  }

  async #ensure(name: TopicName): Promise<KafkaTopic> {
    const admin = await this.#admin();
    const brokerName = `${this.#prefix}${name}`;
    const existing = await partitionsOf(admin, brokerName);
    if (existing !== null) return { name, brokerName, partitions: existing };
    await admin.createTopics({
      // The client gives up at the first broker that has not heard of the topic yet, which a busy one takes a while to.
      waitForLeaders: false,
      topics: [
        {
          topic: brokerName,
          numPartitions: this.#partitions,
          replicationFactor: this.#replicationFactor,
          configEntries: [
            { name: 'retention.ms', value: String(retentionMs) },
            // Room for the largest event and its framing; the brokers' default is 1 MB.
            { name: 'max.message.bytes', value: String(maxEventBytes + 1024 * 1024) },
            // `storedAtMs` is the brokers' clock, not the producer's.
            { name: 'message.timestamp.type', value: 'LogAppendTime' },
          ],
        },
      ],
    });
    return { name, brokerName, partitions: await createdPartitions(admin, brokerName) };
  }
}

/** Waits until every partition of a new topic has a leader. */
async function createdPartitions(admin: Admin, topic: string): Promise<number> {
  const deadline = Date.now() + leadersWithinMs;
  for (;;) {
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const partitions = topics[0]?.partitions ?? [];
      if (partitions.length > 0 && partitions.every(({ leader }) => leader >= 0)) return partitions.length;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    if (Date.now() > deadline)
      throw new Error(`Topic ${topic} has no leaders ${leadersWithinMs} ms after it was created`);
    await sleep(leaderPollMs);
  }
}

async function partitionsOf(admin: Admin, topic: string): Promise<number | null> {
  // Asking for the metadata of an absent topic is an error that the client retries for seconds.
  if (!(await admin.listTopics()).includes(topic)) return null;
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  return topics[0]?.partitions.length ?? null;
}
