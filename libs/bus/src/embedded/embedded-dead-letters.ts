import type { Bus, DeadLetter } from '../bus.js';
import type { Database } from './database.js';

interface LetterRow {
  readonly id: string;
  readonly queue: string;
  readonly key: string;
  readonly headers: string;
  readonly body: Buffer;
  readonly reason: string;
  readonly rejected_at: Date;
}

export class EmbeddedDeadLetters implements Readonly<Bus['deadLetters']> {
  readonly #database: Database;
  readonly #schema: string;
  readonly #replayed: (queues: ReadonlySet<string>) => void;

  /** @param replayed told which queues have messages again */
  constructor(database: Database, schema: string, replayed: (queues: ReadonlySet<string>) => void) {
    this.#database = database;
    this.#schema = schema;
    this.#replayed = replayed;
  }

  async list(limit: number): Promise<readonly DeadLetter[]> {
    const rows = await this.#database.rows<LetterRow>(
      'letters',
      `select id, queue, key, headers, body, reason, rejected_at from ${this.#schema}.dead_letter order by seq limit $1`,
      [limit],
    );
    return rows.map(({ headers, rejected_at, ...letter }) => ({
      ...letter,
      headers: JSON.parse(headers) as Record<string, string>,
      rejectedAt: rejected_at.toISOString(),
    }));
  }

  async replay(id: string): Promise<boolean> {
    // Its id was published before and stays so: the letter goes to its queue past the check of ids.
    const rows = await this.#database.rows<{ queue: string }>(
      'replay',
      `with gone as (delete from ${this.#schema}.dead_letter where id = $1 returning queue, key, id, headers, body)
       insert into ${this.#schema}.message (queue, key, id, headers, body, body_bytes)
       select queue, key, id, headers, body, octet_length(body) from gone returning queue`,
      [id],
    );
    if (rows.length > 0) this.#replayed(new Set(rows.map((row) => row.queue)));
    return rows.length > 0;
  }
}
