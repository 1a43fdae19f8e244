import type { Failure, HttpExchange } from '#failures';
import { PlatformError } from '#failures';
import type { Connection, JsonRecord } from '#model';
import { EgressGuard } from '#security/egress';
import { cutUtf8, type Redactor } from '#security/mask';
import { backoffMs } from '../backoff.js';
import { connectorCodes as codes } from '../codes.js';
import { connectionFailure } from '../connection-failure.js';
import { type NetworkFailure } from '../network-failure.js';
import type { ConnectorHost, OAuthToken, Permit, StepContext } from '../ports.js';
import { compileTemplate, render } from '../templates.js';
import { decodeText } from './body.js';
import { type ConnectionView, HttpConnection } from './connection.js';
import { HttpPools } from './pools.js';
import { nextHop, type RedirectPolicy } from './redirects.js';
import { headersToRecord, type HttpRequest } from './request.js';
import { isRetryableStatus, READ_POLICY, retryAfterMs, type RetryPolicy } from './retry.js';
import { buildTokenRequest, readToken } from './token-request.js';
import { type Answer, exchange, type WireResult, type WireTimeouts } from './wire.js';

/** Bodies of stored exchanges are cut here. Reference: errors §14. */
const MAX_STORED_BODY_BYTES = 8 * 1024;
const MAX_MESSAGE_BYTES = 4 * 1024;
/** Decision 12; the time of a step's own overrides the first byte. */
const IDLE_TIMEOUT_MS = 60_000;
const FIRST_BYTE_TIMEOUT_MS = 60_000;
/** A token that is about to expire is replaced before it fails a request. */
const EXPIRY_MARGIN_MS = 30_000;

/** How the requests of one step are sent; compiled once. */
export interface SendOptions {
  readonly retry: RetryPolicy;
  readonly redirects: Omit<RedirectPolicy, 'dropAuthorization'>;
  readonly timeoutSeconds: number | undefined;
  /** Reads end with the run; writes are learned to their end (decision 6). */
  readonly abortable: boolean;
}

/** The answer as it came, whatever its status, with what is needed to tell a person about it. */
export interface Received {
  readonly answer: Answer;
  readonly request: HttpRequest;
  readonly durationMs: number;
  readonly view: ConnectionView;
  /** True when the answer says that the credentials are not accepted, also not fresh ones. */
  readonly unauthorized: boolean;
}

export type SendResult = Received | { readonly failure: Failure };

/** Builds a request for the connection as it is now; called again after the token changed. */
export type BuildRequest = (view: ConnectionView) => HttpRequest | Failure;

export function isFailed(result: SendResult): result is { readonly failure: Failure } {
  return 'failure' in result;
}

/**
 * HTTP for the steps of one worker: sockets kept open, permits, authentication, repeats, redirects, network policy.
 * One per {@link ConnectorHost}.
 */
export class HttpClient {
  static readonly #byHost = new WeakMap<ConnectorHost, HttpClient>();

  static of(host: ConnectorHost): HttpClient {
    let client = this.#byHost.get(host);
    if (client === undefined) {
      client = new HttpClient(host);
      this.#byHost.set(host, client);
    }
    return client;
  }

  readonly #host: ConnectorHost;
  readonly #pools: HttpPools;
  readonly #connections = new WeakMap<object, Promise<HttpConnection | Failure>>();

  private constructor(host: ConnectorHost) {
    this.#host = host;
    this.#pools = new HttpPools(new EgressGuard(host.egressAllow));
  }

  /** Ends the sockets that are kept open. */
  close(): Promise<void> {
    return this.#pools.close();
  }

  /**
   * The compiled connection of a document, by identity: a plan keeps one document for all of its pages. A connection that
   * cannot be used as it is configured is a failure of whatever needs it.
   */
  connection(document: Connection & { readonly _id: string }): Promise<HttpConnection | Failure> {
    let known = this.#connections.get(document);
    if (known === undefined) {
      known = this.#host.openSecrets(document).then((opened) => new HttpConnection(opened));
      known = known.catch((error: unknown) => {
        this.#connections.delete(document);
        return connectionFailure(error);
      });
      this.#connections.set(document, known);
    }
    return known;
  }

  /**
   * Sends one request of a step until it has an answer worth returning: rate limits waited for, transient failures
   * repeated, a stale token replaced once. Never rejects for anything the remote does.
   */
  async send(
    connection: HttpConnection,
    build: BuildRequest,
    options: SendOptions,
    context: SendContext,
  ): Promise<SendResult> {
    const { clock, random, limits } = this.#host;
    const { signal } = context;
    let token = await this.#token(connection, null);
    if (token !== null && 'code' in token) return { failure: token };
    let failedTries = 0;
    let reauthenticated = false;
    let progressSeen = connection.progress;

    for (;;) {
      const view = connection.view(token, this.#host);
      if ('code' in view) return { failure: view };
      const request = authenticated(build(view), connection, view);
      if ('code' in request) return { failure: request };
      const permit = await this.#permit(connection.id, signal);
      if (permit === null) return { failure: canceled() };
      const startedAt = clock.now();
      let wire: WireResult & { request: HttpRequest };
      try {
        wire = await this.#follow(connection, request, options, signal);
      } finally {
        permit.release();
      }
      const durationMs = clock.now() - startedAt;
      this.#observe(connection.id, context.stepId, request, wire, startedAt, durationMs, view);

      let pauseMs: number | null;
      let settled: SendResult;
      if ('network' in wire) {
        if (options.abortable && signal.aborted) return { failure: canceled() };
        settled = { failure: withExchange(wire.network.failure, wire.request, null, durationMs, view) };
        if (!mayRepeat(wire.network, options.retry)) return settled;
        failedTries += 1;
        pauseMs = null;
      } else {
        const { answer } = wire;
        const unauthorized = isUnauthorized(connection, answer);
        settled = { answer, request: wire.request, durationMs, view, unauthorized };
        if (unauthorized) {
          if (!connection.authenticator.refreshable || reauthenticated) return settled;
          reauthenticated = true;
          token = await this.#token(connection, view.token);
          if (token !== null && 'code' in token)
            return { failure: withExchange(token, wire.request, answer, durationMs, view) };
          continue;
        }
        const limited = isRateLimited(connection, answer);
        if (!limited && !isRetryableStatus(answer.status, options.retry)) {
          connection.progress += 1;
          limits.succeeded(connection.id);
          return settled;
        }
        pauseMs = retryAfterMs(answer.headers, connection.retryHeader, clock.now());
        const progressed = limited && connection.progress !== progressSeen;
        progressSeen = connection.progress;
        if (!progressed) failedTries += 1;
        if (limited || pauseMs !== null) {
          pauseMs ??= backoffMs(Math.max(failedTries, 1), random);
          limits.throttled(connection.id, pauseMs);
        }
      }
      if (failedTries >= options.retry.tries) return settled;
      try {
        await clock.sleep(pauseMs ?? backoffMs(failedTries, random), signal);
      } catch {
        return { failure: canceled() };
      }
    }
  }

  /**
   * The request as it would be sent now, secrets removed. Nothing is sent: a token that would have to be asked for first is
   * left out.
   */
  describe(connection: HttpConnection, build: BuildRequest, maxBodyBytes: number): ShownRequest | Failure {
    const view = connection.view(connection.token, this.#host);
    if ('code' in view) return view;
    const request = authenticated(build(view), connection, view);
    if ('code' in request) return { ...request, message: view.redactor.text(request.message) };
    return shownRequest(request, view.redactor, maxBodyBytes);
  }

  async #follow(
    connection: HttpConnection,
    first: HttpRequest,
    options: SendOptions,
    signal: AbortSignal,
  ): Promise<WireResult & { request: HttpRequest }> {
    const timeouts: WireTimeouts = {
      firstByteMs: options.timeoutSeconds === undefined ? firstByteMs(connection) : options.timeoutSeconds * 1000,
      idleMs: IDLE_TIMEOUT_MS,
    };
    const policy = {
      ...options.redirects,
      dropAuthorization: connection.http.auth?.skipFollowAuthorizationHeader === true,
    };
    let request = first;
    for (let hops = 0; ; hops += 1) {
      const { url } = request;
      const pool = this.#pools.pool(url.origin, connection.tls);
      const wire = await exchange(
        pool,
        { method: request.method, path: url.pathname + url.search, headers: request.headers, body: request.body },
        timeouts,
        url.host,
        options.abortable ? signal : undefined,
      );
      if ('network' in wire) return { ...wire, request };
      const hop = nextHop(request, wire.answer, policy, hops);
      if (hop === null) return { answer: wire.answer, request };
      if ('network' in hop) return { network: hop.network, request };
      request = hop.request;
    }
  }

  async #permit(connectionId: string, signal: AbortSignal): Promise<Permit | null> {
    if (signal.aborted) return null;
    try {
      return await this.#host.limits.acquire(connectionId, signal);
    } catch (error) {
      if (signal.aborted) return null;
      throw error;
    }
  }

  /**
   * The token to use, or null for connections without one.
   *
   * @param stale the one the remote refused
   */
  async #token(connection: HttpConnection, stale: OAuthToken | null): Promise<OAuthToken | Failure | null> {
    if (!connection.authenticator.refreshable) return null;
    const held = connection.token;
    if (held !== null && held.version !== stale?.version && !this.#expires(held)) return held;
    connection.pendingToken ??= this.#currentToken(
      connection,
      stale ?? (held !== null && this.#expires(held) ? held : null),
    ).finally(() => {
      connection.pendingToken = null;
    });
    return connection.pendingToken;
  }

  #expires(token: OAuthToken): boolean {
    return token.expiresAt !== undefined && Date.parse(token.expiresAt) - EXPIRY_MARGIN_MS <= this.#host.clock.now();
  }

  async #currentToken(connection: HttpConnection, stale: OAuthToken | null): Promise<OAuthToken | Failure> {
    let failure: Failure | null = null;
    try {
      const token = await this.#host.tokens.current(connection.id, stale?.version ?? null, async (previous) => {
        const { token: stored, refreshToken } = connection.http.auth?.token ?? {};
        // The connection document holds the first token (decision 17); a remote need not be asked for it.
        if (previous === null && stale === null && stored) {
          return { accessToken: stored, ...(refreshToken ? { refreshToken } : {}) };
        }
        const fresh = await this.#requestToken(connection, previous?.refreshToken ?? refreshToken);
        if ('code' in fresh) {
          failure = fresh;
          throw new PlatformError(fresh.code, fresh.message);
        }
        return fresh;
      });
      connection.token = token;
      return token;
    } catch (error) {
      if (failure !== null) return failure;
      return {
        code: codes.authentication_failed.code,
        message: `No token: ${error instanceof Error ? error.message : String(error)}`,
        source: 'connection',
        classification: 'connection',
      };
    }
  }

  async #requestToken(
    connection: HttpConnection,
    refreshToken: string | undefined,
  ): Promise<Omit<OAuthToken, 'version'> | Failure> {
    const first = await this.#tokenGrant(connection, refreshToken);
    // A refresh token that has expired is no reason to fail when the password is known.
    const again =
      'code' in first && refreshToken !== undefined && connection.http.auth?.oauth?.grantType === 'password';
    return again ? this.#tokenGrant(connection, undefined) : first;
  }

  async #tokenGrant(
    connection: HttpConnection,
    refreshToken: string | undefined,
  ): Promise<Omit<OAuthToken, 'version'> | Failure> {
    const view = connection.view(connection.token, this.#host);
    if ('code' in view) return view;
    const context: JsonRecord = { connection: view.document };
    const environment = { nowMs: () => this.#host.clock.now() };
    const built = buildTokenRequest(
      connection.http,
      refreshToken,
      (text, target, purpose) => render(compileTemplate(text, target, 'connection', purpose), context, environment),
      view.baseUri,
    );
    if ('failure' in built) return built.failure;
    const startedAt = this.#host.clock.now();
    const wire = await this.#follow(connection, built.request, TOKEN_OPTIONS, NEVER);
    const durationMs = this.#host.clock.now() - startedAt;
    if ('network' in wire) return withExchange(wire.network.failure, wire.request, null, durationMs, view);
    const { answer } = wire;
    const token =
      answer.status >= 200 && answer.status < 300
        ? readToken(connection.http, answer, refreshToken, this.#host.clock.now())
        : null;
    if (token !== null && !('code' in token)) return token;
    const failure: Failure = token ?? {
      code: String(answer.status),
      message: `The token request was answered with status ${answer.status}.`,
      source: 'connection',
      classification: 'connection',
    };
    // Neither the request nor a 2xx answer is stored: both are made of secrets.
    return failure;
  }

  #observe(
    connectionId: string,
    stepId: string,
    request: HttpRequest,
    wire: WireResult,
    startedAtMs: number,
    durationMs: number,
    view: ConnectionView,
  ): void {
    if (this.#host.observe === undefined) return;
    const error = 'network' in wire ? wire.network.failure.code : undefined;
    const answer = 'answer' in wire ? wire.answer : null;
    this.#host.observe({
      connectionId,
      stepId,
      system: 'http',
      method: request.method,
      target: request.url.host,
      status: answer?.status ?? null,
      startedAtMs,
      durationMs,
      exchange: () => exchangeOf(request, answer, durationMs, view),
      ...(error === undefined ? {} : { error }),
    });
  }
}

/** The part of a step's context that a request needs. */
export type SendContext = Pick<StepContext, 'stepId' | 'signal'>;

const NEVER = new AbortController().signal;
const TOKEN_OPTIONS: SendOptions = {
  retry: READ_POLICY,
  redirects: { follow: false, max: 1 },
  timeoutSeconds: undefined,
  abortable: false,
};

function firstByteMs(connection: HttpConnection): number {
  return connection.http.timeoutSeconds === undefined ? FIRST_BYTE_TIMEOUT_MS : connection.http.timeoutSeconds * 1000;
}

/** Adds the connection's credentials, when the request goes to its own origin. */
function authenticated(
  built: HttpRequest | Failure,
  connection: HttpConnection,
  view: ConnectionView,
): HttpRequest | Failure {
  if ('code' in built || built.url.origin !== view.origin) return built;
  const draft = { url: built.url, headers: built.headers, body: built.body, secretBody: built.secretBody };
  const problem = connection.authenticator.apply(draft, view.token);
  if (problem !== null) return { code: codes.authentication_failed.code, message: problem, source: 'connection' };
  return { method: built.method, ...draft };
}

function mayRepeat(network: NetworkFailure, policy: RetryPolicy): boolean {
  if (!network.transient) return false;
  if (network.effect === 'nothing') return network.failure.code !== codes.timeout.code || policy.repeatTimeouts;
  return policy.repeatable && (network.failure.code !== codes.timeout.code || policy.repeatTimeouts);
}

function isUnauthorized(connection: HttpConnection, answer: Answer): boolean {
  if (connection.isAuthFailureStatus(answer.status)) return true;
  return connection.authFailureCheck !== null && connection.authFailureCheck(parsedOrNull(answer)) !== null;
}

function isRateLimited(connection: HttpConnection, answer: Answer): boolean {
  if (answer.status === connection.rateLimitStatus || answer.status === 429) return true;
  return connection.rateLimitCheck !== null && connection.rateLimitCheck(parsedOrNull(answer)) !== null;
}

function parsedOrNull(answer: Answer): unknown {
  try {
    return JSON.parse(textOf(answer));
  } catch {
    return null; // rules over a body that is no JSON do not match
  }
}

export function textOf(answer: Answer): string {
  return decodeText(answer.body, String(answer.headers['content-type'] ?? ''));
}

function canceled(): Failure {
  return {
    code: codes.canceled.code,
    message: 'The run was canceled before this request was sent.',
    source: 'internal',
  };
}

/** The failure of an answer, with the exchange that a person needs to understand it, secrets removed. */
export function answerFailure(received: Received, failure: Failure): Failure {
  return withExchange(failure, received.request, received.answer, received.durationMs, received.view);
}

function withExchange(
  failure: Failure,
  request: HttpRequest,
  answer: Answer | null,
  durationMs: number,
  view: ConnectionView,
): Failure {
  return {
    ...failure,
    message: cutUtf8(view.redactor.text(failure.message), MAX_MESSAGE_BYTES),
    exchange: exchangeOf(request, answer, durationMs, view),
  };
}

function exchangeOf(
  request: HttpRequest,
  answer: Answer | null,
  durationMs: number,
  { redactor }: ConnectionView,
): HttpExchange {
  return {
    ...shownRequest(request, redactor, MAX_STORED_BODY_BYTES),
    ...(answer === null
      ? {}
      : {
          status: answer.status,
          responseHeaders: redactor.headers(answer.headers),
          responseBody: redactor.body(answer.body, MAX_STORED_BODY_BYTES),
        }),
    durationMs,
  };
}

type ShownRequest = Pick<HttpExchange, 'method' | 'url' | 'requestHeaders' | 'requestBody'>;

function shownRequest(request: HttpRequest, redactor: Redactor, maxBodyBytes: number): ShownRequest {
  return {
    method: request.method,
    url: redactor.url(request.url.href),
    requestHeaders: redactor.headers(headersToRecord(request.headers)),
    ...(request.body === null ? {} : { requestBody: redactor.body(request.body, maxBodyBytes) }),
  };
}
