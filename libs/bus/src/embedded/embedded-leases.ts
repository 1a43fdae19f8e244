import type { LeaseEntry, Leases } from '../bus.js';
import type { Database } from './database.js';

/** Leases in a table; only the database's clock decides what has expired. */
export class EmbeddedLeases implements Leases {
  readonly #database: Database;
  readonly #schema: string;

  constructor(database: Database, schema: string) {
    this.#database = database;
    this.#schema = schema;
  }

  async get(name: string): Promise<LeaseEntry | null> {
    const [row] = await this.#database.rows<LeaseEntry>(
      'lease-get',
      `select value, revision::text from ${this.#schema}.lease where name = $1 and expires_at > clock_timestamp()`,
      [name],
    );
    return row ?? null;
  }

  async put(name: string, value: string, expected: string | null, ttlMs: number): Promise<LeaseEntry | null> {
    if (!(ttlMs > 0)) throw new RangeError(`A lease lasts longer than ${ttlMs} ms.`);
    const expiry = `clock_timestamp() + $3::float8 * interval '1 millisecond'`;
    const revision = `nextval('${this.#schema}.lease_revision')`;
    const [row] =
      expected === null
        ? await this.#database.rows<LeaseEntry>(
            'lease-take',
            `insert into ${this.#schema}.lease as l (name, value, revision, expires_at)
             values ($1, $2, ${revision}, ${expiry})
             on conflict (name) do update
             set value = excluded.value, revision = excluded.revision, expires_at = ${expiry}
             where l.expires_at <= clock_timestamp()
             returning value, revision::text`,
            [name, value, ttlMs],
          )
        : await this.#database.rows<LeaseEntry>(
            'lease-renew',
            `update ${this.#schema}.lease set value = $2, revision = ${revision}, expires_at = ${expiry}
             where name = $1 and revision::text = $4 and expires_at > clock_timestamp()
             returning value, revision::text`,
            [name, value, ttlMs, expected],
          );
    return row ?? null;
  }

  async release(name: string, revision: string): Promise<boolean> {
    const rows = await this.#database.rows(
      'lease-release',
      `delete from ${this.#schema}.lease
       where name = $1 and revision::text = $2 and expires_at > clock_timestamp() returning name`,
      [name, revision],
    );
    return rows.length > 0;
  }
}
