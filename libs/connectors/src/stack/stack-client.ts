import { EgressGuard } from '#security/egress';
import { connectorCodes as codes } from '../codes.js';
import { parseHttpUrl } from '../http/request.js';
import { HttpPools } from '../http/pools.js';
import { exchange, type Answer } from '../http/wire.js';
import type { ConnectorHost } from '../ports.js';

export interface StackCall {
  readonly stackId: string;
  readonly type: 'hook' | 'wrapper';
  readonly name: string;
  /** JSON */
  readonly options: object;
  /** of the flow; absent: there is none */
  readonly integrationId?: string | null;
  /** Ends the wait; the server is not told. */
  readonly signal?: AbortSignal;
  readonly traceparent?: string;
}

export type StackAnswer =
  | { readonly value: unknown }
  /** What the server, or the way to it, says. `isUnreachable`: nothing was done. */
  | { readonly failure: { readonly code: string; readonly message: string }; readonly isUnreachable: boolean };

const maxRequestBytes = 50 * 1024 * 1024;
const maxResponseBytes = 5 * 1024 * 1024;
/** The server itself gives up after 315 s, and says `102 Processing` after 270. */
const timeouts = { firstByteMs: 320_000, idleMs: 60_000 };

/**
 * Calls functions of server stacks by their wire contract: `POST {hostURI}/function`. Reference: runtime §16.3.
 * One per {@link ConnectorHost}.
 */
export class StackClient {
  static readonly #byHost = new WeakMap<ConnectorHost, StackClient>();

  static of(host: ConnectorHost): StackClient {
    let client = this.#byHost.get(host);
    if (client === undefined) {
      client = new StackClient(host);
      this.#byHost.set(host, client);
    }
    return client;
  }

  readonly #host: ConnectorHost;
  readonly #pools: HttpPools;

  private constructor(host: ConnectorHost) {
    this.#host = host;
    this.#pools = new HttpPools(new EgressGuard(host.egressAllow));
  }

  /** The function gets a one-time token, good until it returns. Never rejects for what the server does. @throws AbortError */
  async call(call: StackCall): Promise<StackAnswer> {
    const token = this.#host.oneTimeTokens?.issue(call.integrationId ?? null);
    if (token === undefined) return this.#call(call);
    try {
      return await this.#call({ ...call, options: { ...call.options, bearerToken: token.text } });
    } finally {
      token.end();
    }
  }

  async #call(call: StackCall): Promise<StackAnswer> {
    const stack = await this.#host.stacks?.find(call.stackId);
    if (!stack) return notSent('invalid_ref', `There is no stack ${call.stackId}.`);
    if (stack.type !== 'server') {
      return notSent('not_supported', `The stack ${call.stackId} is a Lambda stack; only server stacks are supported.`);
    }
    const url = functionUrl(stack.server?.hostURI ?? '');
    if (url === null) return notSent(codes.invalid_url.code, 'server.hostURI of the stack is not an http address.');
    const { type, name, options } = call;
    const body = Buffer.from(
      JSON.stringify({ diy: true, type, function: name, maxResponseSize: maxResponseBytes, options }),
    );
    if (body.byteLength > maxRequestBytes) {
      return notSent(
        codes.request_too_large.code,
        `A stack gets at most 50 MB; this call has ${body.byteLength} bytes.`,
      );
    }
    call.signal?.throwIfAborted();
    const result = await exchange(
      this.#pools.pool(url.origin, null),
      { method: 'POST', path: url.pathname + url.search, headers: headersOf(stack.systemToken ?? '', call), body },
      timeouts,
      url.host,
      call.signal,
    );
    call.signal?.throwIfAborted();
    if ('network' in result) {
      const { failure, effect } = result.network;
      return { failure: { code: failure.code, message: failure.message }, isUnreachable: effect === 'nothing' };
    }
    return readAnswer(result.answer, url.host);
  }

  close(): Promise<void> {
    return this.#pools.close();
  }
}

function functionUrl(hostURI: string): URL | null {
  return parseHttpUrl(`${hostURI.replace(/\/+$/, '')}/function`);
}

function headersOf(systemToken: string, { traceparent }: StackCall): string[] {
  const traceId = traceparent?.split('-')[1];
  return [
    'authorization',
    `Bearer ${systemToken}`,
    'content-type',
    'application/json',
    'accept',
    'application/json',
    'user-agent',
    'Millrace',
    ...(traceparent === undefined ? [] : ['traceparent', traceparent]),
    ...(traceId === undefined ? [] : ['traceid', traceId]),
  ];
}

function readAnswer({ status, body }: Answer, host: string): StackAnswer {
  if (status === 200) {
    if (body.byteLength > maxResponseBytes) {
      const message = `The function returned ${body.byteLength} bytes; at most ${maxResponseBytes} are allowed.`;
      return done('response_size_exceeded', message);
    }
    const value = parsed(body);
    return value === undefined
      ? done('invalid_extension_response', `The stack server ${host} answered with what is not JSON.`)
      : value;
  }
  const errors = errorsOf(parsed(body));
  const first = errors[0];
  if (first === undefined) return done(String(status), `The stack server ${host} answered with status ${status}.`);
  return done(first.code, errors.map(({ message }) => message).join(' '));
}

function parsed(body: Buffer): { readonly value: unknown } | undefined {
  try {
    return { value: body.byteLength === 0 ? null : (JSON.parse(body.toString('utf8')) as unknown) };
  } catch {
    return undefined; // the caller says what that means
  }
}

function errorsOf(answer: { readonly value: unknown } | undefined): readonly { code: string; message: string }[] {
  const { errors } = (answer?.value ?? {}) as { readonly errors?: unknown };
  if (!Array.isArray(errors)) return [];
  return errors.map((entry: unknown) => {
    const { code, message } = (entry ?? {}) as { readonly code?: unknown; readonly message?: unknown };
    return {
      code: typeof code === 'string' && code !== '' ? code : 'stack_error',
      message: typeof message === 'string' && message !== '' ? message : 'The stack reported an error without message.',
    };
  });
}

function notSent(code: string, message: string): StackAnswer {
  return { failure: { code, message }, isUnreachable: true };
}

function done(code: string, message: string): StackAnswer {
  return { failure: { code, message }, isUnreachable: false };
}
