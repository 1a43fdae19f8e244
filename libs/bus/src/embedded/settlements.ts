import { PlatformError } from '#failures';
import { busCodes } from '../failures.js';
import type { Pending } from '#lanes/lane';
import { Lane } from '#lanes/lane';
import { retryWhileUnavailable } from '../retry.js';
import type { Database } from './database.js';

/** A leased message: its row, and the attempt that this lease made. */
export interface LeaseToken {
  readonly seq: string;
  readonly attempt: number;
}

interface Reschedule extends LeaseToken {
  /** from now on, by the database's clock */
  readonly delayMs: number;
}

const maxBatch = 1_000;

/** Acknowledgements and changed due times, coalesced to one statement per kind and round trip. */
export class Settlements {
  readonly #database: Database;
  readonly #acks: Lane<LeaseToken, void>;
  readonly #reschedules: Lane<Reschedule, void>;

  constructor(database: Database, schema: string, timeoutMs: number) {
    this.#database = database;
    // An acknowledgement counts even when the lease is over: the effect is durable.
    const ack = `delete from ${schema}.message m using unnest($1::bigint[]) as s(seq) where m.seq = s.seq`;
    this.#acks = new Lane({
      maxItems: maxBatch,
      send: (batch) => this.#settle(batch, timeoutMs, 'ack', ack, [batch.map(({ item }) => item.seq)]),
    });
    const reschedule = `update ${schema}.message m
      set due_at = now() + s.delay_ms * interval '1 millisecond'
      from unnest($1::bigint[], $2::int[], $3::float8[]) as s(seq, attempt, delay_ms)
      where m.seq = s.seq and m.attempt = s.attempt and m.due_at > now()`;
    this.#reschedules = new Lane({
      maxItems: maxBatch,
      keysOf: ({ seq }) => [seq],
      send: (batch) =>
        this.#settle(batch, timeoutMs, 'reschedule', reschedule, [
          batch.map(({ item }) => item.seq),
          batch.map(({ item }) => item.attempt),
          batch.map(({ item }) => item.delayMs),
        ]),
    });
  }

  ack(token: LeaseToken): Promise<void> {
    return this.#acks.submit({ seq: token.seq, attempt: token.attempt });
  }

  /** Makes a message that is still leased by this token due after the delay: handed back, or leased for longer. */
  reschedule(token: LeaseToken, delayMs: number): Promise<void> {
    return this.#reschedules.submit({ seq: token.seq, attempt: token.attempt, delayMs });
  }

  async idle(): Promise<void> {
    await Promise.all([this.#acks.idle(), this.#reschedules.idle()]);
  }

  async #settle(
    batch: readonly Pending<LeaseToken, void>[],
    timeoutMs: number,
    name: string,
    statement: string,
    values: unknown[],
  ): Promise<void> {
    await retryWhileUnavailable(() => this.#database.rows(name, statement, values), {
      forMs: timeoutMs,
      isTransient: (error) => error instanceof PlatformError && error.code === busCodes.bus_unavailable.code,
    });
    for (const entry of batch) entry.resolve();
  }
}
