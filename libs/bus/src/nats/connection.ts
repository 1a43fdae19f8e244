import { connect, nanos } from '@nats-io/transport-node';
import type { Msg, NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';
import { busError } from '../failures.js';
import type { ReportError } from '../delivery-runner.js';

export interface ConnectionOptions {
  readonly servers: string | readonly string[];
  readonly name: string;
  readonly reportError: ReportError;
  /** Credentials, TLS and the like, as the NATS client takes them. */
  readonly connection?: Omit<NodeConnectionOptions, 'servers' | 'name'>;
}

/**
 * One connection that is made again for ever, and says whether it stands. Requests wait for it instead of piling up in
 * the client's send buffer: a buffer full of repeated pages would grow for as long as the broker is away.
 */
export class Connection {
  readonly nc: NatsConnection;
  #connected = true;
  #closed = false;
  readonly #changed = new Set<() => void>();
  readonly #reconnected = new Set<() => void>();
  readonly #waiting = new Set<(error: Error) => void>();

  private constructor(nc: NatsConnection, reportError: ReportError) {
    this.nc = nc;
    void this.#follow(reportError);
  }

  static async open(options: ConnectionOptions): Promise<Connection> {
    const nc = await connect({
      reconnectTimeWait: 250,
      pingInterval: 10_000,
      maxPingOut: 2,
      ...options.connection,
      servers: typeof options.servers === 'string' ? options.servers.split(',') : [...options.servers],
      name: options.name,
      maxReconnectAttempts: -1,
      // Else the client captures a stack for each request, in case it fails: a fifth of what a request costs.
      noAsyncTraces: true,
      waitOnFirstConnect: true,
    });
    return new Connection(nc, options.reportError);
  }

  get connected(): boolean {
    return this.#connected && !this.#closed;
  }

  /** @throws PlatformError `bus_unavailable` when there is no connection after `timeoutMs`, `bus_closed` after close */
  async whenConnected(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!this.#connected && !this.#closed) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) throw busError('bus_unavailable', 'There is no connection to NATS.');
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          this.#changed.delete(done);
          resolve();
        };
        const timer = setTimeout(done, leftMs);
        this.#changed.add(done);
      });
    }
    if (this.#closed) throw busError('bus_closed', 'The bus is closed.');
  }

  /** @throws PlatformError `bus_unavailable` or `bus_closed`; the cause is the client's error */
  async request(
    subject: string,
    payload: Uint8Array | string,
    timeoutMs: number,
    headers?: NonNullable<Parameters<NatsConnection['publish']>[2]>['headers'],
  ): Promise<Msg> {
    await this.whenConnected(timeoutMs);
    try {
      const answer = this.nc.request(subject, payload, { timeout: timeoutMs, ...(headers ? { headers } : {}) });
      return await this.#unlessDisconnected(answer);
    } catch (error) {
      throw this.#closed
        ? busError('bus_closed', 'The bus is closed.', error)
        : busError('bus_unavailable', `NATS did not answer on ${subject.split('.', 2).join('.')}.`, error);
    }
  }

  onReconnected(listener: () => void): () => void {
    this.#reconnected.add(listener);
    return () => this.#reconnected.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#announce();
    await this.nc.close();
  }

  /** An answer to a request of a lost connection never comes; the client would wait for its time limit. */
  #unlessDisconnected<T>(answer: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.add(reject);
      answer.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
  }

  async #follow(reportError: ReportError): Promise<void> {
    for await (const status of this.nc.status()) {
      if (status.type === 'disconnect') {
        this.#connected = false;
        for (const reject of this.#waiting) reject(new Error('The connection was lost.'));
      } else if (status.type === 'reconnect') {
        this.#connected = true;
        for (const listener of this.#reconnected) listener();
      } else if (status.type === 'error') reportError(status.error, 'NATS reported an error');
      this.#announce();
    }
    this.#closed = true;
    this.#announce();
  }

  #announce(): void {
    for (const listener of this.#changed) listener();
  }
}

export function toNanos(ms: number): number {
  return nanos(ms);
}
