import type { Socket } from 'node:net';
import type { PoolClient } from 'pg';
import Cursor from 'pg-cursor';
import type { JsonRecord } from '#model';

/** Rows of one statement, a few at a time, on a session of its own. */
export interface RowCursor {
  /** Starts the statement and goes past the first `skip` rows. */
  open(skip: number): Promise<void>;
  /** The next rows; fewer than asked for only at the end. */
  fetch(count: number): Promise<readonly JsonRecord[]>;
  /** Ends the statement and makes its effects durable. */
  close(): Promise<void>;
}

/** Whether a statement only reads rows, so that the server can keep a cursor over it. */
export function isPlainQuery(text: string): boolean {
  const bare = text.replace(/^(?:\s|\(|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*/, '');
  if (/^(select|values|table)\b/i.test(bare)) return true;
  return /^with\b/i.test(bare) && !/\b(insert|update|delete|merge)\b/i.test(bare);
}

/** A cursor in a transaction: what is skipped never leaves the server. */
export class ServerCursor implements RowCursor {
  readonly #session: PoolClient;
  readonly #text: string;

  constructor(session: PoolClient, text: string) {
    this.#session = session;
    this.#text = text.replace(/[;\s]+$/, '');
  }

  async open(skip: number): Promise<void> {
    await this.#session.query('begin');
    // Concurrent scans of a large table may start anywhere; a query that is run again must see the same order.
    await this.#session.query('set local synchronize_seqscans = off');
    await this.#session.query(`declare millrace_rows no scroll cursor for ${this.#text}`);
    if (skip > 0) await this.#session.query(`move forward ${Math.floor(skip)} in millrace_rows`);
  }

  async fetch(count: number): Promise<readonly JsonRecord[]> {
    return (await this.#session.query<JsonRecord>(`fetch forward ${count} from millrace_rows`)).rows;
  }

  async close(): Promise<void> {
    await this.#session.query('commit');
  }
}

/** Statements that the server allows no cursor over, such as `insert … returning`; rows to skip are read and dropped. */
export class PortalCursor implements RowCursor {
  readonly #cursor: Cursor<JsonRecord>;

  constructor(session: PoolClient, text: string) {
    this.#cursor = session.query(new Cursor<JsonRecord>(text, []));
  }

  async open(skip: number): Promise<void> {
    for (let left = skip; left > 0;) {
      const dropped = await this.#cursor.read(Math.min(left, 1_000));
      if (dropped.length === 0) return;
      left -= dropped.length;
    }
  }

  async fetch(count: number): Promise<readonly JsonRecord[]> {
    return this.#cursor.read(count);
  }

  close(): Promise<void> {
    return this.#cursor.close();
  }
}

/** Bytes that came over a session's socket so far. */
export function bytesRead(session: PoolClient): number {
  return (session as unknown as { connection: { stream: Socket } }).connection.stream.bytesRead;
}
