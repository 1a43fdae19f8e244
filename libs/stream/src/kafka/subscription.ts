import type {
  Admin,
  Consumer,
  ConsumerCrashEvent,
  ConsumerGroupJoinEvent,
  EachBatchPayload,
  Kafka,
  KafkaMessage,
} from 'kafkajs';
import { CoalescingQueue } from '#lanes/coalescing-queue';
import { defaultMaxBatchBytes } from '../limits.js';
import { PartitionLane } from '../partition-lane.js';
import { pause, pauseAfter, reconnectPauses, settledWithin, type PauseRange } from '../pauses.js';
import type { StreamLog } from '../stream-log.js';
import type { BatchHandler, PartitionLag, StreamConsumerOptions, StreamEvent, StreamSubscription } from '../stream.js';
import type { KafkaTopic } from './topics.js';

/**
 * How long the broker may keep an idle fetch. It answers at once when there are events, but a partition that was paused
 * or moved joins only the next fetch, so this bounds its delay. The price is ten small requests a second when idle.
 */
const maxFetchWaitMs = 100;

/**
 * Rest between a fetch that brought events and the next one. The broker answers as soon as there is one event more: without
 * a rest a busy topic is fetched in crumbs, each at the price of a request.
 */
const fetchRestMs = 10;

/**
 * How long a lane waits for its commit, and a shutdown for the goodbye, when the broker is away. The client goes on
 * trying. A position that is not stored means that the batch comes again, to another member; nothing is lost.
 */
const maxBrokerWaitMs = 5_000;

export interface SubscriptionContext {
  readonly kafka: Kafka;
  readonly admin: () => Promise<Admin>;
  readonly topic: KafkaTopic;
  /** as the brokers know it, prefix included */
  readonly groupId: string;
  readonly sessionTimeoutMs: number;
  readonly pauses: PauseRange;
  readonly log: StreamLog;
}

/**
 * One member of a consumer group. The client's fetch loop only fills lanes and never waits for a handler, so heartbeats
 * go on however long a handler takes, and a slow partition holds up no other. A full lane pauses its partition.
 */
export class KafkaSubscription implements StreamSubscription {
  readonly #context: SubscriptionContext;
  readonly #options: StreamConsumerOptions;
  readonly #handler: BatchHandler;
  readonly #consumer: Consumer;
  readonly #lanes = new Map<number, PartitionLane>();
  readonly #paused = new Set<number>();
  readonly #draining = new AbortController();
  readonly #commits: CoalescingQueue<{ partition: number; nextOffset: bigint }>;
  /** Changes with every assignment, so that what was begun for a former one is recognised. */
  #assignment = Symbol('assignment');
  #memberId = '';

  constructor(context: SubscriptionContext, options: StreamConsumerOptions, handler: BatchHandler) {
    this.#context = context;
    this.#options = options;
    this.#handler = handler;
    const maxBatchBytes = options.maxBatchBytes ?? defaultMaxBatchBytes;
    this.#consumer = context.kafka.consumer({
      groupId: context.groupId,
      sessionTimeout: context.sessionTimeoutMs,
      heartbeatInterval: Math.floor(context.sessionTimeoutMs / 5),
      allowAutoTopicCreation: false,
      minBytes: 1,
      maxWaitTimeInMs: maxFetchWaitMs,
      maxBytesPerPartition: maxBatchBytes,
      maxBytes: maxBatchBytes * 2,
    });
    this.#commits = new CoalescingQueue({
      send: (positions) => this.#commit(positions),
      bytesOf: () => 1,
      maxBytes: Number.MAX_SAFE_INTEGER,
      maxItems: 1_000,
    });
    const { GROUP_JOIN, CRASH } = this.#consumer.events;
    this.#consumer.on(GROUP_JOIN, (event) => this.#onAssigned(event));
    this.#consumer.on(CRASH, (event) => this.#onCrash(event));
  }

  async start(): Promise<void> {
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topic: this.#context.topic.brokerName, fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: this.#context.topic.partitions,
      eachBatch: (payload) => this.#receive(payload),
    });
  }

  async drain(): Promise<void> {
    this.#draining.abort();
    await Promise.all([...this.#lanes.values()].map((lane) => lane.close('settle')));
    this.#lanes.clear();
    const left = this.#consumer.disconnect().catch((error: unknown) => {
      this.#log('warn', 'A Kafka consumer could not leave its group', error);
    });
    await settledWithin(left, maxBrokerWaitMs);
  }

  async lag(): Promise<PartitionLag[]> {
    const { admin, topic, groupId } = this.#context;
    const lanes = [...this.#lanes.values()];
    if (lanes.length === 0) return [];
    const client = await admin();
    const [ends, [committed]] = await Promise.all([
      client.fetchTopicOffsets(topic.brokerName),
      client.fetchOffsets({ groupId, topics: [topic.brokerName] }),
    ]);
    return lanes.map((lane) => {
      const end = ends.find(({ partition }) => partition === lane.partition);
      const stored = committed?.partitions.find(({ partition }) => partition === lane.partition);
      const from = lane.position ?? firstValid(stored?.offset, end?.low);
      return {
        topic: topic.name,
        partition: lane.partition,
        group: this.#options.group,
        lag: BigInt(end?.high ?? 0) - from,
      };
    });
  }

  async #receive(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const lane = this.#lanes.get(batch.partition);
    // Left unresolved, it is fetched again once its partition is ready for it.
    if (!lane || payload.isStale() || this.#paused.has(batch.partition)) return;
    lane.push(batch.messages.map(toEvent));
    payload.resolveOffset(batch.lastOffset());
    if (!lane.hasRoom) this.#pause(batch.partition);
    // The lane works on them already; the client fetches when the handlers of all partitions have returned.
    await pause(fetchRestMs, this.#draining.signal);
  }

  /** Called before the first fetch of a new assignment. */
  #onAssigned({ payload }: ConsumerGroupJoinEvent): void {
    const assigned = new Set(payload.memberAssignment[this.#context.topic.brokerName] ?? []);
    // Under another name we were out of the group in between, and others may have read on.
    const isSameMember = payload.memberId === this.#memberId;
    this.#memberId = payload.memberId;
    this.#assignment = Symbol('assignment');
    for (const [partition, lane] of this.#lanes) {
      if (!isSameMember || !assigned.has(partition)) this.#revoke(partition, lane);
    }
    if (this.#draining.signal.aborted) return;
    for (const partition of assigned) {
      const lane = this.#lanes.get(partition);
      if (!lane) {
        this.#open(partition);
      } else if (lane.fetchFrom !== null) {
        // The client starts again from what is committed; the lane has more than that already.
        this.#consumer.seek({ ...this.#named(partition), offset: lane.fetchFrom.toString() });
      }
    }
  }

  /** The client restarts by itself after what it takes for temporary; after anything else we do it. */
  async #onCrash({ payload }: ConsumerCrashEvent): Promise<void> {
    for (const [partition, lane] of this.#lanes) this.#revoke(partition, lane);
    if (payload.restart || this.#draining.signal.aborted) return;
    this.#log('error', 'A Kafka consumer stopped and is started again', payload.error);
    for (let failures = 1; !this.#draining.signal.aborted; failures += 1) {
      await pause(pauseAfter(failures, reconnectPauses), this.#draining.signal);
      if (this.#draining.signal.aborted) return;
      try {
        return await this.start();
      } catch (error) {
        this.#log('error', 'A Kafka consumer could not be started again', error);
      }
    }
  }

  #open(partition: number): void {
    if (!this.#options.position) {
      this.#resume(partition);
      this.#lanes.set(partition, this.#createLane(partition, null));
      return;
    }
    this.#pause(partition);
    void this.#openAtStoredPosition(partition, this.#options.position, this.#assignment);
  }

  async #openAtStoredPosition(
    partition: number,
    storedPosition: (partition: number) => Promise<bigint | null>,
    assignment: symbol,
  ): Promise<void> {
    for (let failures = 1; ; failures += 1) {
      try {
        const position = await storedPosition(partition);
        const offset = await this.#availableOffset(partition, position);
        if (this.#assignment !== assignment || this.#draining.signal.aborted) return;
        this.#lanes.set(partition, this.#createLane(partition, position));
        this.#consumer.seek({ ...this.#named(partition), offset });
        this.#resume(partition);
        return;
      } catch (error) {
        this.#log('warn', 'The stored position of a partition could not be read', error);
        await pause(pauseAfter(failures, reconnectPauses), this.#draining.signal);
        if (this.#assignment !== assignment || this.#draining.signal.aborted) return;
      }
    }
  }

  /** Where to fetch for a stored position: there, or at the earliest event when nothing is stored or it is gone. */
  async #availableOffset(partition: number, position: bigint | null): Promise<string> {
    const { admin, topic } = this.#context;
    const offsets = await (await admin()).fetchTopicOffsets(topic.brokerName);
    const available = offsets.find((candidate) => candidate.partition === partition);
    if (!available) throw new Error(`Partition ${partition} of ${topic.brokerName} has no offsets`);
    if (position === null) return available.low;
    if (position >= BigInt(available.low) && position <= BigInt(available.high)) return position.toString();
    this.#log('error', 'The stored position is outside of what the broker has; reading from its earliest event', {
      partition,
      position,
      earliest: available.low,
      end: available.high,
    });
    return available.low;
  }

  #createLane(partition: number, position: bigint | null): PartitionLane {
    const { topic, pauses, log } = this.#context;
    const storedPosition = this.#options.position;
    return new PartitionLane(position, {
      topic: topic.name,
      partition,
      group: this.#options.group,
      maxBatchBytes: this.#options.maxBatchBytes ?? defaultMaxBatchBytes,
      handler: this.#handler,
      pauses,
      log,
      settle: async (nextOffset) => {
        // The handler has stored it already, with its effect.
        if (storedPosition) return;
        await settledWithin(this.#commits.push([{ partition, nextOffset }]), maxBrokerWaitMs);
      },
      onRoom: () => this.#resume(partition),
      ...(storedPosition && {
        storedPosition: () => storedPosition(partition),
        onMoved: () => this.#reopen(partition),
      }),
    });
  }

  /** The handler's position moved: begin anew there, with a lane of its own. */
  #reopen(partition: number): void {
    const lane = this.#lanes.get(partition);
    if (!lane || this.#draining.signal.aborted) return;
    this.#revoke(partition, lane);
    this.#open(partition);
  }

  #revoke(partition: number, lane: PartitionLane): void {
    this.#lanes.delete(partition);
    void lane.close('revoke');
  }

  #pause(partition: number): void {
    this.#paused.add(partition);
    this.#consumer.pause([{ topic: this.#context.topic.brokerName, partitions: [partition] }]);
  }

  #resume(partition: number): void {
    if (!this.#paused.delete(partition)) return;
    this.#consumer.resume([{ topic: this.#context.topic.brokerName, partitions: [partition] }]);
  }

  async #commit(positions: readonly { partition: number; nextOffset: bigint }[]): Promise<void> {
    const latest = new Map(positions.map(({ partition, nextOffset }) => [partition, nextOffset]));
    await this.#consumer.commitOffsets(
      [...latest].map(([partition, offset]) => ({ ...this.#named(partition), offset: offset.toString() })),
    );
  }

  #named(partition: number): { topic: string; partition: number } {
    return { topic: this.#context.topic.brokerName, partition };
  }

  #log(level: 'warn' | 'error', message: string, errorOrDetails: unknown): void {
    const details = { topic: this.#context.topic.name, group: this.#options.group };
    if (errorOrDetails instanceof Error) this.#context.log({ level, message, details, error: errorOrDetails });
    else this.#context.log({ level, message, details: { ...details, ...(errorOrDetails as object) } });
  }
}

/** The broker answers -1 for a position that was never stored. */
function firstValid(...offsets: (string | undefined)[]): bigint {
  return BigInt(offsets.find((offset) => offset !== undefined && !offset.startsWith('-')) ?? 0);
}

function toEvent({ key, value, headers, offset, timestamp }: KafkaMessage): StreamEvent {
  return {
    key: key?.toString() ?? '',
    value: value ?? new Uint8Array(0),
    headers: headers ? toHeaders(headers) : {},
    offset: BigInt(offset),
    storedAtMs: Number(timestamp),
  };
}

function toHeaders(headers: NonNullable<KafkaMessage['headers']>): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]): [string, string] => {
    const last = Array.isArray(value) ? value.at(-1) : value;
    return [name, last?.toString() ?? ''];
  });
  // Defines each name as a property of its own, `__proto__` included.
  return Object.fromEntries(entries);
}
