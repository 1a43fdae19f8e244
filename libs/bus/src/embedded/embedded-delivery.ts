import type { Delivery, QueueName } from '../bus.js';
import { busError } from '../failures.js';
import type { Database } from './database.js';
import type { LeaseToken, Settlements } from './settlements.js';

export interface LeasedRow {
  readonly seq: string;
  readonly key: string;
  readonly id: string;
  readonly headers: string;
  readonly body_bytes: number;
  readonly attempt: number;
  readonly body: Buffer | null;
}

export interface DeliveryContext {
  readonly database: Database;
  readonly schema: string;
  readonly settlements: Settlements;
  readonly queue: QueueName;
  readonly leaseMs: number;
  /** Told when a message was handed back, with the delay. */
  handedBack(delayMs: number): void;
}

const emptyBody = new Uint8Array();

/** A message leased from the table. */
export class EmbeddedDelivery implements Delivery, LeaseToken {
  readonly queue: QueueName;
  readonly key: string;
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bodyBytes: number;
  readonly attempt: number;
  readonly seq: string;
  readonly #body: Uint8Array | null;
  readonly #context: DeliveryContext;

  constructor(row: LeasedRow, context: DeliveryContext) {
    this.#context = context;
    this.queue = context.queue;
    this.seq = row.seq;
    this.key = row.key;
    this.id = row.id;
    this.headers = JSON.parse(row.headers) as Record<string, string>;
    this.bodyBytes = row.body_bytes;
    this.attempt = row.attempt;
    this.#body = row.body_bytes === 0 ? emptyBody : row.body;
  }

  async body(): Promise<Uint8Array> {
    if (this.#body !== null) return this.#body;
    const { database, schema } = this.#context;
    const [row] = await database.rows<{ body: Buffer }>('body', `select body from ${schema}.message where seq = $1`, [
      this.seq,
    ]);
    if (row === undefined)
      throw busError('bus_message_gone', `A message of ${this.queue} was settled by someone else.`);
    return row.body;
  }

  async ack(): Promise<void> {
    await this.#context.settlements.ack(this);
  }

  async nack(delayMs: number): Promise<void> {
    await this.#context.settlements.reschedule(this, Math.max(0, delayMs));
    this.#context.handedBack(Math.max(0, delayMs));
  }

  async extend(): Promise<void> {
    await this.#context.settlements.reschedule(this, this.#context.leaseMs);
  }

  async reject(reason: string): Promise<void> {
    const { database, schema } = this.#context;
    await database.rows(
      'reject',
      `with gone as (delete from ${schema}.message where seq = $1 returning queue, key, id, headers, body)
       insert into ${schema}.dead_letter (queue, key, id, headers, body, reason)
       select queue, key, id, headers, body, $2 from gone`,
      // PostgreSQL's text cannot hold NUL.
      [this.seq, reason.slice(0, 1_000).replaceAll('\0', '\uFFFD')],
    );
  }
}
