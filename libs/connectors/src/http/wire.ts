import type { Dispatcher, Pool } from 'undici';
import type { Failure } from '#failures';
import { connectorCodes as codes } from '../codes.js';
import { type NetworkFailure, toNetworkFailure } from '../network-failure.js';
import { BodyError, decompress, MAX_RESPONSE_BYTES } from './body.js';

/** Names in lower case, values as received; repeated headers are arrays. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface Answer {
  readonly status: number;
  readonly headers: ResponseHeaders;
  /** Decompressed. */
  readonly body: Buffer;
}

export interface WireRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: string | Buffer | null;
}

export interface WireTimeouts {
  /** Until the answer's headers are there. */
  readonly firstByteMs: number;
  /** Between two parts of the answer's body. */
  readonly idleMs: number;
}

export type WireResult = { readonly answer: Answer } | { readonly network: NetworkFailure };

/**
 * One request and its whole answer, without redirects or repeats. Never rejects.
 *
 * @param signal ends the exchange when aborted; leave it out for requests whose effect must be learned (decision 6)
 */
export async function exchange(
  pool: Pool,
  request: WireRequest,
  timeouts: WireTimeouts,
  target: string,
  signal?: AbortSignal,
): Promise<WireResult> {
  let answer: Answer;
  try {
    answer = await new Promise<Answer>((resolve, reject) => {
      pool.dispatch(
        {
          method: request.method,
          path: request.path,
          headers: request.headers,
          body: request.body,
          headersTimeout: timeouts.firstByteMs,
          bodyTimeout: timeouts.idleMs,
        },
        new AnswerCollector(resolve, reject, signal),
      );
    });
  } catch (error) {
    return { network: error instanceof BodyError ? bodyFailure(error, target) : toNetworkFailure(error, target) };
  }
  const encoding = answer.headers['content-encoding'];
  if (encoding === undefined || answer.body.length === 0) return { answer };
  try {
    const body = await decompress(answer.body, String(encoding));
    return { answer: { status: answer.status, headers: answer.headers, body } };
  } catch (error) {
    if (error instanceof BodyError) return { network: bodyFailure(error, target) };
    throw error;
  }
}

function bodyFailure(error: BodyError, target: string): NetworkFailure {
  const failure: Failure =
    error.reason === 'too_large'
      ? {
          code: codes.response_too_large.code,
          message: `${target}: ${error.message}`,
          source: 'application',
          classification: 'too_large',
        }
      : { code: 'parse_error', message: `${target}: ${error.message}`, source: 'resource', classification: 'parse' };
  return { failure, effect: 'unknown', transient: false };
}

const EMPTY = Buffer.alloc(0);

/** Gathers an answer; a class, because undici calls these methods for every request of the hot path. */
class AnswerCollector implements Dispatcher.DispatchHandler {
  #status = 0;
  #headers: ResponseHeaders = {};
  #first: Buffer | null = null;
  #chunks: Buffer[] | null = null;
  #size = 0;
  #unsubscribe: (() => void) | null = null;

  constructor(
    private readonly resolve: (answer: Answer) => void,
    private readonly reject: (error: Error) => void,
    private readonly signal: AbortSignal | undefined,
  ) {}

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const { signal } = this;
    if (signal === undefined) return;
    const abort = (): void => controller.abort(new DOMException('The run was canceled.', 'AbortError'));
    if (signal.aborted) abort();
    else {
      signal.addEventListener('abort', abort, { once: true });
      this.#unsubscribe = () => signal.removeEventListener('abort', abort);
    }
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: ResponseHeaders): void {
    if (status < 200) return; // informational
    this.#status = status;
    this.#headers = headers;
    const length = Number(headers['content-length'] ?? 0);
    if (length > MAX_RESPONSE_BYTES) controller.abort(tooLarge());
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > MAX_RESPONSE_BYTES) controller.abort(tooLarge());
    else if (this.#first === null) this.#first = chunk;
    else if (this.#chunks === null) this.#chunks = [this.#first, chunk];
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#unsubscribe?.();
    const body = this.#chunks === null ? (this.#first ?? EMPTY) : Buffer.concat(this.#chunks, this.#size);
    this.resolve({ status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#unsubscribe?.();
    this.reject(error);
  }
}

function tooLarge(): BodyError {
  return new BodyError('too_large', `The answer is larger than ${MAX_RESPONSE_BYTES} bytes.`);
}
