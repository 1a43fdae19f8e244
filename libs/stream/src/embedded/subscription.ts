import type { Pool } from 'pg';
import { PartitionLane } from '../partition-lane.js';
import { pause, pauseAfter, reconnectPauses, type PauseRange } from '../pauses.js';
import type { StreamLog } from '../stream-log.js';
import type { BatchHandler, PartitionLag, StreamConsumerOptions, StreamSubscription } from '../stream.js';
import { fetchEvents } from './fetch.js';
import type { GroupMember } from './group-member.js';
import type { Positions } from './positions.js';
import type { Session, SessionListener } from './session.js';
import type { Topic } from './topics.js';

/** A member that died without a word is noticed, and a lost notification made up for, within this time. */
const checkIntervalMs = 1_000;

export interface SubscriptionContext {
  readonly pool: Pool;
  readonly session: Session;
  readonly positions: Positions;
  readonly topic: Topic;
  readonly groupId: number;
  readonly member: GroupMember;
  readonly maxBatchBytes: number;
  readonly pauses: PauseRange;
  readonly log: StreamLog;
}

/** One member of a group: owns some partitions of the topic, and reads each through a lane. */
export class EmbeddedSubscription implements StreamSubscription, SessionListener {
  readonly #context: SubscriptionContext;
  readonly #options: StreamConsumerOptions;
  readonly #handler: BatchHandler;
  readonly #lanes = new Map<number, PartitionLane>();
  /** Partitions whose last handler of this member still runs: not opened again before it has returned. */
  readonly #leaving = new Map<number, Promise<void>>();
  readonly #draining = new AbortController();
  readonly #timer: NodeJS.Timeout;
  /** Null while disconnected; what was claimed on one connection means nothing on another. */
  #connection: symbol | null = null;
  /** Each work runs once at a time; asked again meanwhile, it runs once more. */
  readonly #fetching = new Repeating(() => this.#fetchUntilIdle());
  readonly #assigning = new Repeating(() => this.#assign());

  constructor(context: SubscriptionContext, options: StreamConsumerOptions, handler: BatchHandler) {
    this.#context = context;
    this.#options = options;
    this.#handler = handler;
    this.#timer = setInterval(() => this.#check(), checkIntervalMs);
    context.session.addListener(this);
  }

  onConnected(): void {
    this.#connection = Symbol('connection');
    this.#assigning.request();
  }

  /** Other members take over at once; what runs here may finish, and is redelivered there. */
  onDisconnected(): void {
    this.#connection = null;
    this.#context.member.forget();
    for (const partition of this.#lanes.keys()) this.#leave(partition, 'revoke');
  }

  onNotification(payload: string): void {
    if (payload === this.#context.topic.name) this.#fetching.request();
    else if (payload === this.#context.member.changeNotice) this.#assigning.request();
  }

  async drain(): Promise<void> {
    clearInterval(this.#timer);
    this.#draining.abort();
    // Closed before anything is waited for: a batch that was fetched already must not reach the handler meanwhile.
    const closing = Promise.all([...this.#lanes.values()].map((lane) => lane.close('settle')));
    await Promise.all([this.#assigning.idle(), this.#fetching.idle(), closing]);
    await this.#notePositions();
    this.#lanes.clear();
    await Promise.all(this.#leaving.values());
    this.#context.session.removeListener(this);
    if (!this.#connection) return;
    try {
      await this.#context.member.leave();
    } catch (error) {
      // The connection is lost, and with it the membership: the same outcome.
      this.#warn('A consumer could not leave its group', error);
    }
  }

  async lag(): Promise<PartitionLag[]> {
    const { pool, topic } = this.#context;
    const lanes = [...this.#lanes.values()];
    const heads = await pool.query<{ partition: number; next_offset: string }>(
      'select partition, next_offset from millrace_stream.partition_head where topic_id = $1 and partition = any ($2)',
      [topic.id, lanes.map((lane) => lane.partition)],
    );
    const ends = new Map(heads.rows.map((row) => [row.partition, BigInt(row.next_offset)]));
    return lanes.map((lane) => {
      const end = ends.get(lane.partition) ?? 0n;
      return {
        topic: topic.name,
        partition: lane.partition,
        group: this.#options.group,
        lag: end - (lane.position ?? 0n),
      };
    });
  }

  #check(): void {
    this.#assigning.request();
    this.#fetching.request();
    if (this.#options.position) void this.#notePositions();
  }

  async #assign(): Promise<void> {
    const connection = this.#connection;
    if (!connection || this.#draining.signal.aborted) return;
    try {
      const { owned, surplus } = await this.#context.member.claim();
      if (this.#connection !== connection) return;
      for (const partition of surplus) {
        if (!this.#leaving.has(partition)) this.#leave(partition, 'settle');
      }
      const opening = owned.filter((partition) => !this.#lanes.has(partition) && !this.#leaving.has(partition));
      await Promise.all(opening.map((partition) => this.#open(partition, connection)));
    } catch (error) {
      // A lost connection starts anew by itself; anything else is tried again at the next check.
      this.#warn('The partitions of a consumer group could not be shared out', error);
    }
  }

  async #open(partition: number, connection: symbol): Promise<void> {
    const position = await this.#startingPosition(partition);
    if (this.#connection !== connection || this.#draining.signal.aborted) return;
    this.#lanes.set(partition, this.#createLane(partition, position));
    this.#fetching.request();
  }

  #startingPosition(partition: number): Promise<bigint | null> {
    if (this.#options.position) return this.#options.position(partition);
    return this.#context.positions.read(this.#context.groupId, partition);
  }

  #createLane(partition: number, position: bigint | null): PartitionLane {
    const { topic, groupId, positions, maxBatchBytes, pauses, log } = this.#context;
    const storedPosition = this.#options.position;
    return new PartitionLane(position, {
      topic: topic.name,
      partition,
      group: this.#options.group,
      maxBatchBytes,
      handler: this.#handler,
      pauses,
      log,
      settle: async (nextOffset) => {
        // The handler has stored it already, with its effect.
        if (!storedPosition) await positions.store({ groupId, partition, nextOffset });
      },
      onRoom: () => this.#fetching.request(),
      ...(storedPosition && {
        storedPosition: () => storedPosition(partition),
        onMoved: () => this.#fetching.request(),
      }),
    });
  }

  /** Stops reading a partition; it goes to another member once the handler has returned. */
  #leave(partition: number, outcome: 'settle' | 'revoke'): void {
    const lane = this.#lanes.get(partition);
    this.#lanes.delete(partition);
    const left = this.#closeAndRelease(partition, lane, outcome).finally(() => {
      this.#leaving.delete(partition);
      this.#assigning.request();
    });
    this.#leaving.set(partition, left);
  }

  async #closeAndRelease(
    partition: number,
    lane: PartitionLane | undefined,
    outcome: 'settle' | 'revoke',
  ): Promise<void> {
    await lane?.close(outcome);
    if (outcome === 'revoke') return;
    try {
      await this.#context.member.release(partition);
    } catch (error) {
      this.#warn('A partition could not be handed over', error);
    }
  }

  async #fetchUntilIdle(): Promise<void> {
    for (let failures = 0; !this.#draining.signal.aborted;) {
      const lanes = [...this.#lanes.values()].filter((lane) => lane.hasRoom);
      if (lanes.length === 0) return;
      try {
        if (!(await this.#fetch(lanes))) return;
        failures = 0;
      } catch (error) {
        failures += 1;
        this.#warn('Events could not be read', error);
        await pause(pauseAfter(failures, reconnectPauses), this.#draining.signal);
      }
    }
  }

  /** @returns whether there was anything */
  async #fetch(lanes: readonly PartitionLane[]): Promise<boolean> {
    const { pool, topic, maxBatchBytes } = this.#context;
    const requests = lanes.map((lane) => ({
      partition: lane.partition,
      from: lane.fetchFrom,
      maxBytes: maxBatchBytes,
    }));
    const events = await fetchEvents(pool, topic, requests);
    for (const [index, lane] of lanes.entries()) {
      const found = events.get(lane.partition);
      // A lane that moved meanwhile wants other events: these would leave a gap before them.
      if (found && lane.fetchFrom === requests[index]?.from) lane.push(found);
    }
    return events.size > 0;
  }

  /** Groups that keep their positions themselves are noted here too, for retention; lazily, as nobody resumes there. */
  async #notePositions(): Promise<void> {
    if (!this.#options.position) return;
    const { positions, groupId } = this.#context;
    try {
      await Promise.all(
        [...this.#lanes.values()].map(async ({ partition, position }) => {
          if (position !== null) await positions.store({ groupId, partition, nextOffset: position });
        }),
      );
    } catch (error) {
      this.#warn('The progress of a consumer group could not be noted', error);
    }
  }

  #warn(message: string, error: unknown): void {
    this.#context.log({
      level: 'warn',
      message,
      details: { topic: this.#context.topic.name, group: this.#options.group },
      error,
    });
  }
}

/** Work that runs once at a time, and once more when it was requested while it ran. */
class Repeating {
  readonly #work: () => Promise<void>;
  #isRequested = false;
  #running: Promise<void> | null = null;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  request(): void {
    this.#isRequested = true;
    this.#running ??= this.#run();
  }

  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#isRequested) {
      this.#isRequested = false;
      await this.#work();
    }
    this.#running = null;
  }
}
