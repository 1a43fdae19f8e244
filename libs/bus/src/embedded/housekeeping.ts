import { dedupeWindowMs } from '../bus.js';
import type { ReportError } from '../delivery-runner.js';
import type { Database } from './database.js';

const everyMs = 30_000;
const maxRows = 50_000;

/** Forgets ids older than the window and leases that expired, a bounded number at a time. */
export class Housekeeping {
  readonly #database: Database;
  readonly #schema: string;
  readonly #timer: NodeJS.Timeout;

  constructor(database: Database, schema: string, reportError: ReportError) {
    this.#database = database;
    this.#schema = schema;
    this.#timer = setInterval(() => {
      this.sweep().catch((error: unknown) => reportError(error, 'Old ids could not be removed'));
    }, everyMs).unref();
  }

  /** @returns how many ids were forgotten */
  async sweep(): Promise<number> {
    const ids = await this.#database.rows(
      'forget-ids',
      `delete from ${this.#schema}.published_id where ctid = any (array(
         select ctid from ${this.#schema}.published_id
         where published_at < now() - $1::float8 * interval '1 millisecond' limit $2
         for update skip locked
       )) returning 1`,
      [dedupeWindowMs, maxRows],
    );
    await this.#database.rows(
      'forget-leases',
      `delete from ${this.#schema}.lease where expires_at < now() - interval '1 minute'`,
    );
    return ids.length;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
