import type {
  BatchHandler,
  OutgoingEvent,
  PartitionLag,
  Stream,
  StreamConsumerOptions,
  StreamEvent,
  StreamSubscription,
  TopicName,
} from '#stream';

/**
 * One partition per topic in memory. A handler that throws gets its events again, from the position that the consumer
 * says is stored, in a later turn and without a pause.
 */
export class FakeStream implements Stream {
  readonly events: Record<TopicName, StreamEvent[]> = { 'step-results': [], 'run-events': [] };
  readonly #members: Member[] = [];
  /** Most events in one batch. */
  maxBatchEvents = 1_000;

  produce(topic: TopicName, events: readonly OutgoingEvent[]): Promise<void> {
    const log = this.events[topic];
    for (const { key, value, headers = {} } of events) {
      log.push({ key, value, headers, offset: BigInt(log.length), storedAtMs: log.length });
    }
    for (const member of this.#members) if (member.topic === topic) member.wake();
    return new Promise((resolve) => setImmediate(resolve));
  }

  async consume(options: StreamConsumerOptions, handler: BatchHandler): Promise<StreamSubscription> {
    const member = new Member(this, options, handler);
    this.#members.push(member);
    member.wake();
    return {
      drain: async () => {
        this.#members.splice(this.#members.indexOf(member), 1);
        await member.stop();
      },
    };
  }

  /** Resolves when no consumer has anything left to do. */
  async idle(): Promise<void> {
    for (const member of this.#members) await member.idle();
  }

  lag(): Promise<readonly PartitionLag[]> {
    return Promise.resolve([]);
  }

  isReady(): Promise<boolean> {
    return Promise.resolve(true);
  }

  async close(): Promise<void> {
    for (const member of this.#members.splice(0)) await member.stop();
  }
}

class Member {
  readonly topic: TopicName;
  readonly #stream: FakeStream;
  readonly #options: StreamConsumerOptions;
  readonly #handler: BatchHandler;
  #position: bigint | null = null;
  #running: Promise<void> | null = null;
  #isStopped = false;

  constructor(stream: FakeStream, options: StreamConsumerOptions, handler: BatchHandler) {
    this.topic = options.topic;
    this.#stream = stream;
    this.#options = options;
    this.#handler = handler;
  }

  wake(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
  }

  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.idle();
  }

  async #run(): Promise<void> {
    const log = this.#stream.events[this.topic];
    while (!this.#isStopped) {
      this.#position ??= (await this.#options.position?.(0)) ?? 0n;
      const from = this.#position;
      const events = log.filter(({ offset }) => offset >= from).slice(0, this.#stream.maxBatchEvents);
      const last = events.at(-1);
      if (!last) return;
      const nextOffset = last.offset + 1n;
      try {
        await this.#handler({ topic: this.topic, partition: 0, events, nextOffset });
        this.#position = nextOffset;
      } catch {
        // The port redelivers whatever the reason; the consumer under test says what it was.
        this.#position = null;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }
}
