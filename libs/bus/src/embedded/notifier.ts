import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { ReportError } from '../delivery-runner.js';
import { Lane } from '#lanes/lane';
import type { Database } from './database.js';

/** What a notification says: a queue has messages, or a signal, possibly in parts. */
type Notice =
  | { readonly from: string; readonly queues: readonly string[] }
  | {
      readonly from: string;
      readonly topic: string;
      readonly signal: string;
      readonly part: number;
      readonly parts: number;
      /** base64 of the payload's UTF-8 */
      readonly data: string;
    };

export interface NoticeListener {
  onQueues(queues: readonly string[]): void;
  onSignal(topic: string, payload: string): void;
}

/** PostgreSQL takes less than 8 000 bytes per notification. */
const partLength = 7_000;
const reconnectDelayMs = 250;
/** Signals whose parts were lost are forgotten beyond this many. */
const maxUnfinished = 100;

/**
 * `LISTEN` and `NOTIFY` between the processes that share the schema. Notices of this process go to its own listener
 * directly. They are hints: consumers poll too, so a lost one costs a second.
 *
 * Notifications are sent outside the publishing transaction, because PostgreSQL lets transactions that notify commit
 * only one after the other.
 */
export class Notifier {
  readonly #connectionString: string;
  readonly #channel: string;
  readonly #listener: NoticeListener;
  readonly #reportError: ReportError;
  readonly #lane: Lane<Notice, void>;
  readonly #self = randomBytes(6).toString('hex');
  readonly #unfinished = new Map<string, string[]>();
  #client: pg.Client | null = null;
  #signals = 0;
  #closed = false;

  constructor(
    database: Database,
    connectionString: string,
    channel: string,
    listener: NoticeListener,
    reportError: ReportError,
  ) {
    this.#connectionString = connectionString;
    this.#channel = channel;
    this.#listener = listener;
    this.#reportError = reportError;
    this.#lane = new Lane({
      maxItems: 500,
      send: async (batch) => {
        const payloads = [...new Set(batch.map((entry) => JSON.stringify(entry.item)))];
        await database.rows(
          'notify',
          'select pg_notify($1, payload) from unnest($2::text[]) with ordinality as p(payload, n) order by n',
          [channel, payloads],
        );
        for (const entry of batch) entry.resolve();
      },
    });
  }

  async open(): Promise<void> {
    await this.#listen();
  }

  queuesChanged(queues: ReadonlySet<string>): void {
    this.#listener.onQueues([...queues]);
    this.#send({ from: this.#self, queues: [...queues].sort() });
  }

  signal(topic: string, payload: string): void {
    setImmediate(() => this.#listener.onSignal(topic, payload));
    const data = Buffer.from(payload).toString('base64');
    const signal = String((this.#signals += 1));
    const parts = Math.max(1, Math.ceil(data.length / partLength));
    for (let part = 0; part < parts; part += 1) {
      const piece = data.slice(part * partLength, (part + 1) * partLength);
      this.#send({ from: this.#self, topic, signal, part, parts, data: piece });
    }
  }

  async close(): Promise<void> {
    await this.#lane.idle();
    this.#closed = true;
    await this.#client?.end();
  }

  #send(notice: Notice): void {
    this.#lane.submit(notice).catch((error: unknown) => {
      if (!this.#closed) this.#reportError(error, 'Other processes could not be notified');
    });
  }

  async #listen(): Promise<void> {
    const client = new pg.Client({ connectionString: this.#connectionString, keepAlive: true });
    client.on('notification', ({ payload }) => this.#receive(payload ?? ''));
    client.on('error', (error) => this.#reportError(error, 'The connection for notifications failed'));
    try {
      await client.connect();
      await client.query(`listen "${this.#channel}"`);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    this.#client = client;
    client.once('end', () => void this.#listenAgain());
  }

  async #listenAgain(): Promise<void> {
    while (!this.#closed) {
      await sleep(reconnectDelayMs, undefined, { ref: false });
      if (this.#closed) return;
      try {
        await this.#listen();
        return;
      } catch (error) {
        this.#reportError(error, 'The connection for notifications could not be made again');
      }
    }
  }

  #receive(payload: string): void {
    let notice: Notice;
    try {
      notice = JSON.parse(payload) as Notice;
    } catch (error) {
      this.#reportError(error, 'A notification was not understood');
      return;
    }
    if (notice.from === this.#self) return;
    if ('queues' in notice) {
      this.#listener.onQueues(notice.queues);
      return;
    }
    const { from, topic, signal, part, parts, data } = notice;
    if (parts === 1) {
      this.#listener.onSignal(topic, fromBase64(data));
      return;
    }
    const id = `${from}/${signal}`;
    const pieces = this.#unfinished.get(id) ?? [];
    if (part !== pieces.length) {
      this.#unfinished.delete(id);
      return;
    }
    pieces.push(data);
    if (pieces.length < parts) {
      this.#unfinished.set(id, pieces);
      const [oldest] = this.#unfinished.keys();
      if (this.#unfinished.size > maxUnfinished && oldest !== undefined) this.#unfinished.delete(oldest);
      return;
    }
    this.#unfinished.delete(id);
    this.#listener.onSignal(topic, fromBase64(pieces.join('')));
  }
}

function fromBase64(data: string): string {
  return Buffer.from(data, 'base64').toString();
}
