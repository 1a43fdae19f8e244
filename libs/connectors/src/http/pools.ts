import type { ConnectionOptions } from 'node:tls';
import { buildConnector, Pool } from 'undici';
import type { EgressGuard } from '#security/egress';

/** Decision 12. */
export const CONNECT_TIMEOUT_MS = 10_000;
/** Sockets per origin and worker; permits bound the requests, this bounds a bug. */
const MAX_SOCKETS = 128;
/** Origins kept open per worker; templates in a base URI could otherwise open one per tenant of the remote for ever. */
const MAX_POOLS = 256;

/** TLS of one connection; equal keys mean equal options, so that pools can be shared. */
export interface TlsOptions {
  readonly key: string;
  readonly options: ConnectionOptions;
}

/** Pools of sockets of one worker, by origin. Every socket is opened under the outbound network policy. */
export class HttpPools {
  readonly #pools = new Map<string, Pool>();
  readonly #guard: EgressGuard;

  constructor(guard: EgressGuard) {
    this.#guard = guard;
  }

  /** @param origin `https://host:port` */
  pool(origin: string, tls: TlsOptions | null): Pool {
    const key = tls === null ? origin : `${origin} ${tls.key}`;
    const known = this.#pools.get(key);
    if (known !== undefined) return known;
    const pool = this.#open(origin, tls);
    this.#pools.set(key, pool);
    if (this.#pools.size > MAX_POOLS) this.#closeOldest();
    return pool;
  }

  /** Ends idle sockets at once and the others after their request. */
  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.close()));
  }

  #open(origin: string, tls: TlsOptions | null): Pool {
    const connect = buildConnector({
      ...tls?.options,
      lookup: this.#guard.lookup,
      timeout: CONNECT_TIMEOUT_MS,
      allowH2: false,
    });
    return new Pool(origin, {
      connections: MAX_SOCKETS,
      pipelining: 1,
      connect: (options, callback) => {
        try {
          this.#guard.assertLiteral(options.hostname);
        } catch (error) {
          queueMicrotask(() => callback(error as Error, null));
          return;
        }
        connect(options, callback);
      },
    });
  }

  #closeOldest(): void {
    for (const [key, pool] of this.#pools) {
      if (pool.stats.running > 0 || pool.stats.pending > 0) continue;
      this.#pools.delete(key);
      // Idle, so nothing is lost; a socket that fails while closing has nobody left to tell.
      pool.close().catch(() => undefined);
      return;
    }
  }
}
