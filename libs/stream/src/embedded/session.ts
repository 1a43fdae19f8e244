import pg from 'pg';
import { pause, pauseAfter, reconnectPauses } from '../pauses.js';
import type { StreamLog } from '../stream-log.js';

export const notificationChannel = 'millrace_stream';

export interface SessionListener {
  /** A new connection: nothing that the former one held is held any more. */
  onConnected(): void;
  onDisconnected(): void;
  onNotification(payload: string): void;
}

/**
 * The one connection of a process that listens for notifications and holds advisory locks. The server releases the
 * locks at the moment the connection ends, however the process died, so ownership needs neither clocks nor leases.
 * Reconnects by itself until closed.
 */
export class Session {
  readonly #url: string;
  readonly #log: StreamLog;
  readonly #listeners = new Set<SessionListener>();
  readonly #closing = new AbortController();
  #client: pg.Client | null = null;
  #running: Promise<void> | null = null;

  constructor(url: string, log: StreamLog) {
    this.#url = url;
    this.#log = log;
  }

  /** Connects with the first listener. */
  addListener(listener: SessionListener): void {
    this.#listeners.add(listener);
    this.#running ??= this.#stayConnected();
    if (this.#client) listener.onConnected();
  }

  removeListener(listener: SessionListener): void {
    this.#listeners.delete(listener);
  }

  /** @throws Error when there is no connection at present, or the server did not answer in time */
  async query<R extends pg.QueryResultRow>(text: string, values: unknown[]): Promise<R[]> {
    const client = this.#client;
    if (!client) throw new Error('The stream has no connection to its database');
    try {
      return (await client.query<R>(text, values)).rows;
    } catch (error) {
      // Without an answer nobody knows which locks are held: a new connection starts from none.
      if (!(error instanceof pg.DatabaseError)) await client.end();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#client?.end();
    await this.#running;
  }

  async #stayConnected(): Promise<void> {
    const { signal } = this.#closing;
    for (let failures = 0; !signal.aborted;) {
      const client = this.#createClient();
      const ended = new Promise<void>((resolve) => client.once('end', resolve));
      try {
        await client.connect();
        await client.query(`listen ${notificationChannel}`);
      } catch (error) {
        await client.end().catch(() => undefined); // the first error is the one to report
        failures += 1;
        const message = 'The stream could not connect to its database and tries again';
        this.#log({ level: 'warn', message, details: { failures }, error });
        await pause(pauseAfter(failures, reconnectPauses), signal);
        continue;
      }
      failures = 0;
      this.#client = client;
      if (signal.aborted) await client.end();
      else for (const listener of this.#listeners) listener.onConnected();
      await ended;
      this.#client = null;
      for (const listener of this.#listeners) listener.onDisconnected();
    }
  }

  #createClient(): pg.Client {
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: 'millrace-stream',
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
      query_timeout: 10_000,
      // A process whose machine vanished is noticed within about 20 s, instead of after hours.
      options: '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=2',
    });
    client.on('error', (error) =>
      this.#log({ level: 'warn', message: 'The stream lost its connection to the database', details: {}, error }),
    );
    client.on('notification', ({ payload }) => {
      for (const listener of this.#listeners) listener.onNotification(payload ?? '');
    });
    return client;
  }
}
