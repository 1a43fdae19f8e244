import type { QueryResultRow } from 'pg';
import pg from 'pg';
import { busError } from '../failures.js';

/** Statements of one bus, with failures of the connection told apart from refusals of the database. */
export class Database {
  readonly #pool: pg.Pool;
  #closed = false;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** @throws PlatformError `bus_unavailable` or `bus_closed`; anything that PostgreSQL refuses is thrown as it is */
  async rows<Row extends QueryResultRow>(name: string, text: string, values: unknown[] = []): Promise<Row[]> {
    if (this.#closed) throw busError('bus_closed', 'The bus is closed.');
    try {
      // Named statements are parsed and planned once per connection.
      const result = await this.#pool.query<Row>({ name, text, values });
      return result.rows;
    } catch (error) {
      if (this.#closed) throw busError('bus_closed', 'The bus is closed.', error);
      if (isUnavailable(error)) throw busError('bus_unavailable', 'PostgreSQL cannot be reached.', error);
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#pool.end();
  }
}

/** Lost connections, servers that start, stop or have no connection left, and statements that lost a deadlock. */
function isUnavailable(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return /^(08|53|57P|40)/.test(error.code ?? '');
  return true;
}

export function hasSqlState(error: unknown, code: string): boolean {
  return error instanceof pg.DatabaseError && error.code === code;
}
