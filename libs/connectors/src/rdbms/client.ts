import type { PoolClient } from 'pg';
import type { Failure } from '#failures';
import { EgressGuard } from '#security/egress';
import { connectorCodes as codes } from '../codes.js';
import { connectionFailure } from '../connection-failure.js';
import { backoffMs } from '../backoff.js';
import type { ConnectorHost, StepContext } from '../ports.js';
import { closeDatabase, type Database, openDatabase } from './pool.js';
import { type SqlFailure, toSqlFailure } from './sql-failure.js';

/** Tries of a statement of which nothing was done: no connection, deadlock, serialisation failure. */
const TRIES = 5;

export type SqlResult<T> = { readonly value: T } | { readonly error: SqlFailure };

/** Databases of one worker; one per {@link ConnectorHost}. Every statement runs under a permit of its connection. */
export class RdbmsClient {
  static readonly #byHost = new WeakMap<ConnectorHost, RdbmsClient>();

  static of(host: ConnectorHost): RdbmsClient {
    let client = this.#byHost.get(host);
    if (client === undefined) {
      client = new RdbmsClient(host);
      this.#byHost.set(host, client);
    }
    return client;
  }

  readonly #host: ConnectorHost;
  readonly #guard: EgressGuard;
  readonly #databases = new WeakMap<object, Promise<Database | Failure>>();

  private constructor(host: ConnectorHost) {
    this.#host = host;
    this.#guard = new EgressGuard(host.egressAllow);
  }

  /** The database of a connection document, by identity. */
  database(document: StepContext['connection']): Promise<Database | Failure> {
    let known = this.#databases.get(document);
    if (known === undefined) {
      known = this.#host
        .openSecrets(document)
        .then((opened): Database | Failure => openDatabase(opened, this.#guard))
        .catch((error: unknown) => {
          this.#databases.delete(document);
          return connectionFailure(error);
        });
      this.#databases.set(document, known);
    }
    return known;
  }

  /** Ends the sockets of a connection, once what runs on them is done. */
  async close(document: StepContext['connection']): Promise<void> {
    const known = await this.#databases.get(document);
    this.#databases.delete(document);
    if (known !== undefined && 'pool' in known) await closeDatabase(known);
  }

  /**
   * Runs statements on one session under a permit, again where nothing was done. Never rejects for what the database says.
   *
   * @param method name of the operation, for metrics
   */
  async run<T>(
    database: Database,
    context: StepContext,
    method: string,
    work: (client: PoolClient) => Promise<T>,
  ): Promise<SqlResult<T>> {
    for (let failedTries = 1; ; failedTries += 1) {
      const result = await this.once(database, context, method, async () => {
        const client = await database.pool.connect();
        let broken: Error | undefined;
        try {
          return await work(client);
        } catch (error) {
          // A session that was lost must not go back into the pool.
          if ((error as { severity?: unknown }).severity === undefined) broken = error as Error;
          throw error;
        } finally {
          client.release(broken);
        }
      });
      if (!('error' in result) || !result.error.transient || failedTries >= TRIES) return result;
      try {
        await this.#host.clock.sleep(backoffMs(failedTries, this.#host.random), context.signal);
      } catch {
        return { error: canceled() };
      }
    }
  }

  /** One piece of work under a permit, observed; its errors become values. */
  async once<T>(
    database: Database,
    context: StepContext,
    method: string,
    work: () => Promise<T>,
  ): Promise<SqlResult<T>> {
    const { limits, clock } = this.#host;
    const connectionId = context.connection._id;
    if (context.signal.aborted) return { error: canceled() };
    let permit;
    try {
      permit = await limits.acquire(connectionId, context.signal);
    } catch (error) {
      if (context.signal.aborted) return { error: canceled() };
      throw error;
    }
    const startedAtMs = clock.now();
    let result: SqlResult<T>;
    try {
      result = { value: await work() };
      limits.succeeded(connectionId);
    } catch (error) {
      result = { error: toSqlFailure(error, database.target) };
    } finally {
      permit.release();
    }
    this.#host.observe?.({
      connectionId,
      stepId: context.stepId,
      system: 'postgresql',
      method,
      target: database.target,
      status: null,
      startedAtMs,
      durationMs: clock.now() - startedAtMs,
      ...('error' in result ? { error: result.error.failure.code } : {}),
    });
    return result;
  }
}

export function canceled(): SqlFailure {
  const failure: Failure = {
    code: codes.canceled.code,
    message: 'The run was canceled before this statement was sent.',
    source: 'internal',
  };
  return { failure, mayBeOneRecord: false, transient: false };
}
