import type { Pool } from 'pg';
import type { TopicName } from '../stream.js';

export interface Topic {
  readonly id: number;
  readonly name: TopicName;
  readonly partitions: number;
}

/** Topics by name, created when first used. A topic keeps the number of partitions it was created with. */
export class Topics {
  readonly #pool: Pool;
  readonly #partitions: number;
  readonly #known = new Map<TopicName, Promise<Topic>>();

  constructor(pool: Pool, partitions: number) {
    this.#pool = pool;
    this.#partitions = partitions;
  }

  get(name: TopicName): Promise<Topic> {
    const known = this.#known.get(name);
    if (known) return known;
    const found = this.#ensure(name);
    this.#known.set(name, found);
    // The next caller tries again.
    found.catch(() => this.#known.delete(name));
    return found;
  }

  async #ensure(name: TopicName): Promise<Topic> {
    await this.#pool.query(
      `with created as (
         insert into millrace_stream.topic (name, partitions) values ($1, $2)
         on conflict (name) do nothing returning id, partitions
       )
       insert into millrace_stream.partition_head (topic_id, partition, next_offset)
       select id, partition, 0 from created, generate_series(0, partitions - 1) as partition`,
      [name, this.#partitions],
    );
    const found = await this.#pool.query<{ id: number; partitions: number }>(
      'select id, partitions from millrace_stream.topic where name = $1',
      [name],
    );
    const row = found.rows[0];
    if (!row) throw new Error(`Topic ${name} disappeared while it was created`);
    return { id: row.id, name, partitions: row.partitions };
  }
}
