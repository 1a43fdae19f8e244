import type { Pool } from 'pg';
import { CoalescingQueue } from '#lanes/coalescing-queue';
import type { Topic } from './topics.js';

export interface GroupPosition {
  readonly groupId: number;
  readonly partition: number;
  readonly nextOffset: bigint;
}

/** How far each group has come: where broker-kept positions are read from, and what retention may delete. */
export class Positions {
  readonly #pool: Pool;
  readonly #queue: CoalescingQueue<GroupPosition>;

  constructor(pool: Pool) {
    this.#pool = pool;
    this.#queue = new CoalescingQueue({
      send: (positions) => this.#write(positions),
      bytesOf: () => 1,
      maxBytes: Number.MAX_SAFE_INTEGER,
      maxItems: 1_000,
    });
  }

  /** Registers a group, at the earliest event of every partition when it is new. @returns its number */
  async register(topic: Topic, group: string): Promise<number> {
    await this.#pool.query(
      'insert into millrace_stream.consumer_group (topic_id, name) values ($1, $2) on conflict do nothing',
      [topic.id, group],
    );
    const result = await this.#pool.query<{ id: number }>(
      `with found as (select id from millrace_stream.consumer_group where topic_id = $1 and name = $2),
       begun as (
         insert into millrace_stream.group_position (group_id, partition, next_offset)
         select id, partition, 0 from found, generate_series(0, $3::int - 1) as partition
         on conflict do nothing
       )
       select id from found`,
      [topic.id, group, topic.partitions],
    );
    const row = result.rows[0];
    if (!row) throw new Error(`Group ${group} of topic ${topic.name} disappeared while it was registered`);
    return row.id;
  }

  async read(groupId: number, partition: number): Promise<bigint> {
    const result = await this.#pool.query<{ next_offset: string }>(
      'select next_offset from millrace_stream.group_position where group_id = $1 and partition = $2',
      [groupId, partition],
    );
    return BigInt(result.rows[0]?.next_offset ?? 0);
  }

  /** Resolves when durable. Never moves backwards: the note of a former owner may arrive late. */
  store(position: GroupPosition): Promise<void> {
    return this.#queue.push([position]);
  }

  idle(): Promise<void> {
    return this.#queue.idle();
  }

  async #write(positions: readonly GroupPosition[]): Promise<void> {
    const latest = new Map<string, GroupPosition>();
    for (const position of positions) latest.set(`${position.groupId}/${position.partition}`, position);
    // In one order everywhere, so that two processes cannot wait for each other.
    const ordered = [...latest.values()].sort((a, b) => a.groupId - b.groupId || a.partition - b.partition);
    await this.#pool.query({
      name: 'millrace_stream_positions',
      text: `insert into millrace_stream.group_position as known (group_id, partition, next_offset)
             select * from unnest($1::int[], $2::int[], $3::bigint[])
             on conflict (group_id, partition) do update
             set next_offset = greatest(known.next_offset, excluded.next_offset)`,
      values: [
        ordered.map((position) => position.groupId),
        ordered.map((position) => position.partition),
        ordered.map((position) => position.nextOffset.toString()),
      ],
    });
  }
}
