/**
 * The stream carries ordered events: an append-only log, partitioned by key, read by consumer groups.
 * Events of one key are delivered in the order in which their `produce` calls were made by one producer.
 * Produces coalesce per process: one request in flight, everything that arrived meanwhile goes in the next.
 */

export type TopicName = 'step-results' | 'run-events';

export interface OutgoingEvent {
  /** Order holds per key. */
  readonly key: string;
  readonly value: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface StreamEvent {
  readonly key: string;
  readonly value: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /** Grows strictly within a partition. */
  readonly offset: bigint;
  /** when the broker stored it, epoch milliseconds */
  readonly storedAtMs: number;
}

export interface StreamBatch {
  readonly topic: TopicName;
  readonly partition: number;
  /** in order of offset; never empty */
  readonly events: readonly StreamEvent[];
  /** Offset to resume at once the whole batch has taken effect: last offset + 1. */
  readonly nextOffset: bigint;
}

export interface StreamConsumerOptions {
  readonly topic: TopicName;
  /** Each event goes to one member of the group. */
  readonly group: string;
  /** Most bytes in one batch. Default 4 MB. */
  readonly maxBatchBytes?: number;
  /**
   * Where to begin in a partition newly assigned to this member, when positions are kept outside the broker, in the
   * same transaction as the effect. Null: begin at the earliest event. Absent: the broker keeps positions, and they
   * advance after the handler has returned.
   */
  readonly position?: (partition: number) => Promise<bigint | null>;
}

/**
 * Called with one batch per partition at a time, partitions concurrently. Returning means that the effect is durable;
 * throwing means that the same batch comes again, after a growing pause (1 s … 30 s). During a rebalance two members
 * may briefly hold one partition: a handler that keeps positions itself must refuse a batch that does not begin at its
 * stored position.
 */
export type BatchHandler = (batch: StreamBatch) => Promise<void>;

export interface StreamSubscription {
  /** Resolves when no handler runs any more; nothing is delivered afterwards. */
  drain(): Promise<void>;
}

export interface PartitionLag {
  readonly topic: TopicName;
  readonly partition: number;
  readonly group: string;
  readonly lag: bigint;
}

export interface Stream {
  /** Resolves when every event is stored durably (all replicas). Never reorders within a key. */
  produce(topic: TopicName, events: readonly OutgoingEvent[]): Promise<void>;
  consume(options: StreamConsumerOptions, handler: BatchHandler): Promise<StreamSubscription>;
  /** Of the subscriptions of this process: events stored and not yet taken effect. */
  lag(): Promise<readonly PartitionLag[]>;
  isReady(): Promise<boolean>;
  /** Drains every subscription, flushes, closes. */
  close(): Promise<void>;
}
