import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Bus } from '#bus';
import type { Connection } from '#model';
import type { OneTimeTokens, SecretBox, Signer } from '#security';
import type { Store } from '#store';
import type { Logger } from '#telemetry';

/** Outcome of a ping. Reference: resources §6.1. */
export interface PingAnswer {
  /** 200, or the status that says why not */
  readonly code: number;
  readonly errors?: readonly { readonly code: string; readonly message: string }[];
}

/** Tries a connection out. Failures of the remote are answers; only a bug throws. */
export interface ConnectionTester {
  /**
   * @param accountId whose connection it is
   * @param connection with its secrets opened; never logged
   * @param signal aborts after the gateway's patience with pings
   */
  ping(accountId: string, connection: Connection & { readonly _id: string }, signal: AbortSignal): Promise<PingAnswer>;
}

export interface ApiRate {
  /** Requests an account may send at once. */
  readonly capacity: number;
  readonly refillPerSecond: number;
}

export interface GatewayConfig {
  /** Limit per account, over all gateways; null is off (decision 31). */
  readonly rate: ApiRate | null;
  /** Longest body in bytes. Default 10 MB (decision 30). */
  readonly bodyLimitBytes?: number;
  /** Known tokens are looked up again after this long. Default 5 000. */
  readonly tokenCacheMs?: number;
  /** A ping is given up after this long. Default 60 000 (decision 12). */
  readonly pingTimeoutMs?: number;
  /** Previews, invocations and test runs are given up after this long. Default 120 000. */
  readonly tryOutTimeoutMs?: number;
  /** Most event streams open at a time in this process; each costs a socket and a query per second. Default 1 000. */
  readonly maxEventStreams?: number;
}

/** Everything the gateway needs of the world; services know only ports. */
export interface GatewayDeps {
  readonly store: Store;
  readonly bus: Pick<Bus, 'publish' | 'signal' | 'onSignal' | 'offer' | 'request' | 'isReady'>;
  readonly secretBox: Pick<SecretBox, 'seal' | 'open'>;
  /** Signs what clients hand back, see `pagedStatePurpose`. */
  readonly stateSigner: Pick<Signer, 'sign' | 'isValid'>;
  /** Reads the tokens of functions of stacks. */
  readonly oneTimeTokens: Pick<OneTimeTokens, 'read'>;
  readonly connectionTester: ConnectionTester;
  readonly logger: Logger;
  readonly config: GatewayConfig;
  /** What `/readyz` reports, by name, all true when ready; absent: store and bus. */
  readonly readiness?: () => Promise<Readonly<Record<string, boolean>>>;
  /** Answers `GET /metrics`; absent: 404. */
  readonly handleMetrics?: (request: IncomingMessage, response: ServerResponse) => void;
  /** epoch milliseconds; `Date.now` unless a test gives another */
  readonly now?: () => number;
}

export const GATEWAY_DEPS = Symbol('GatewayDeps');
