import type { Failure } from '#failures';
import type { JsonRecord, JsonValue } from '#model';
import { connectorCodes as codes } from '../codes.js';
import { compileConfiguredPath } from '../configured-path.js';
import { stepRoots } from '../contexts.js';
import { deltaRoots } from '../delta.js';
import type { ConnectorHost, Cursor, Source, SourceChunk, StepContext } from '../ports.js';
import { SourceError } from '../ports.js';
import { compileRecordReader, dropTooLarge, type RecordReader } from '../records.js';
import { answerFailure, HttpClient, isFailed, type Received } from './client.js';
import type { ConnectionView } from './connection.js';
import { type CompiledRead, compileRead, type StoredExport } from './export-request.js';
import { cursorOf, Pager, type PageRead, type PagingState } from './paging.js';
import { parseAnswer } from './parse.js';
import type { HttpRequest } from './request.js';
import { type BodyCheck, compileBodyRules } from './rules.js';
import { bodyFailure, statusFailure } from './status-failure.js';
import type { Answer } from './wire.js';

/** Largest cursor that a generator's message takes. Reference: ports. */
const MAX_CURSOR_BYTES = 64 * 1024;

/** An HTTP export as page generator: one chunk per response. Reference: runtime §4-§6. */
export class HttpSource implements Source {
  /** GET is safe, others need not be (RFC 9110 §9.2.1). */
  readonly isRepeatable: boolean;
  readonly #step: StoredExport;
  readonly #host: ConnectorHost;
  readonly #read: CompiledRead;
  readonly #pager: Pager;
  readonly #parser: ResponseReader;

  /** @throws PlatformError when the export cannot be run as it is configured */
  constructor(step: StoredExport, host: ConnectorHost) {
    this.#step = step;
    this.#host = host;
    this.#read = compileRead(step);
    this.#pager = new Pager(this.#read.http.paging);
    this.#parser = new ResponseReader(this.#read);
    this.isRepeatable = (this.#read.http.method ?? 'GET') === 'GET';
  }

  async *read(cursor: Cursor | null, context: StepContext): AsyncIterable<SourceChunk> {
    const client = HttpClient.of(this.#host);
    const connection = await client.connection(context.connection);
    if ('code' in connection) throw new SourceError(connection);
    const environment = { nowMs: context.run.nowMs };
    let state = (cursor as PagingState | null) ?? this.#pager.first();
    let previous: Buffer | null = null;

    for (;;) {
      const current = state;
      const received = await client.send(
        connection,
        (view) => this.#request(current, view, context),
        this.#read.options,
        context,
      );
      if (isFailed(received)) throw new SourceError(received.failure);
      if (this.#pager.endsWith(received.answer.status, current)) {
        yield { records: [], next: null, bytes: received.answer.body.length, failures: [] };
        return;
      }
      const page = this.#parser.read(received, current.pages > 0);
      if ('failure' in page) throw new SourceError(page.failure);

      const { records } = page;
      const pageRead: PageRead = {
        answer: received.answer,
        previous,
        body: page.body,
        recordCount: records.length,
        lastRecord: records.at(-1) ?? null,
        url: received.request.url,
      };
      const next = this.#pager.next(
        current,
        pageRead,
        (later) => this.#roots(later, received.view, context),
        environment,
      );
      if ('endless' in next) {
        throw new SourceError(
          answerFailure(received, {
            code: codes.endless_paging.code,
            message: `The responses ${current.pages} and ${current.pages + 1} of ${received.request.url.host} are identical. Check the paging settings.`,
            source: 'application',
          }),
        );
      }
      const failure = 'failure' in next ? next.failure : oversized(next.state);
      const kept = dropTooLarge(records, received.answer.body.length);
      if (failure !== null) {
        // The records of this response are good: they are handed over before the failure, at the place they came from.
        yield { ...kept, next: current as unknown as Cursor, bytes: received.answer.body.length };
        throw new SourceError(failure);
      }
      const following = (next as { state: PagingState | null }).state;
      yield {
        ...kept,
        ...(page.isJson === true && kept.records === page.body && isUtf8Array(received.answer)
          ? { text: received.answer.body }
          : {}),
        next: following === null ? null : cursorOf(following, received.answer.body),
        bytes: received.answer.body.length,
      };
      if (following === null) return;
      state = following;
      previous = received.answer.body;
    }
  }

  #request(state: PagingState, view: ConnectionView, context: StepContext): HttpRequest | Failure {
    const environment = { nowMs: context.run.nowMs };
    const roots = (): JsonRecord => this.#roots(state, view, context);
    let body: string | null = null;
    if (this.#read.body !== null || state.body !== undefined) {
      const base =
        this.#read.body === null || (state.body !== undefined && !this.#mergesBodies)
          ? null
          : this.#read.body.render(roots(), environment);
      if (base !== null && typeof base !== 'string') return base;
      body = state.body === undefined ? base : base === null ? state.body : mergeJson(base, state.body);
    }
    const request = this.#read.request.build(view, roots, body, environment, state.address);
    if ('code' in request || context.traceparent === undefined) return request;
    return { ...request, headers: [...request.headers, 'traceparent', context.traceparent] };
  }

  get #mergesBodies(): boolean {
    return this.#read.http.paging?.mergeBodyParamsToPagingBody === true;
  }

  #roots(state: PagingState, view: ConnectionView, context: StepContext): JsonRecord {
    const step = this.#step as unknown as JsonRecord;
    const http = step['http'] as JsonRecord;
    const paging = {
      ...(http['paging'] as JsonRecord | undefined),
      page: state.page,
      skip: state.skip,
      token: state.token,
    };
    const shown = { ...step, pageSize: this.#step.pageSize ?? 20, http: { ...http, paging } };
    return { ...stepRoots(context, view.document, 'export', shown), ...deltaRoots(this.#step, context.run) };
  }
}

/** Whether an answer that is JSON begins with its array, in UTF-8, without a byte order mark. */
function isUtf8Array({ body, headers }: Answer): boolean {
  return body[0] === 0x5b && !/charset\s*=\s*(?!"?utf-?8)/i.test(String(headers['content-type'] ?? ''));
}

/** Later pages' bodies keep what the first body had, unless they say otherwise. */
function mergeJson(base: string, later: string): string {
  try {
    const [a, b] = [JSON.parse(base) as unknown, JSON.parse(later) as unknown];
    if (isObject(a) && isObject(b)) return JSON.stringify({ ...a, ...b });
  } catch {
    // Bodies that are no JSON cannot be merged; the paging body stands for itself.
  }
  return later;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function oversized(state: PagingState | null): Failure | null {
  if (state === null || Buffer.byteLength(JSON.stringify(state)) <= MAX_CURSOR_BYTES) return null;
  return {
    code: codes.cursor_too_large.code,
    message: 'The next page is described by more than 64 KB.',
    source: 'resource',
  };
}

export type ResponsePage =
  | { readonly records: readonly JsonValue[]; readonly body: unknown; readonly isJson?: true }
  | { readonly failure: Failure };

/** Turns answers into records: status, rules, parsing, paths. Shared by exports and lookups. */
export class ResponseReader {
  readonly #mediaType: 'json' | 'xml' | 'csv' | 'plaintext' | undefined;
  readonly #followsRedirects: boolean;
  readonly #check: BodyCheck | null;
  readonly #errorPath: ReturnType<typeof compileConfiguredPath> | null;
  readonly #first: RecordReader;
  readonly #later: RecordReader;

  constructor(read: CompiledRead) {
    const response = read.http.response ?? {};
    this.#mediaType = read.http.successMediaType;
    this.#followsRedirects = read.options.redirects.follow;
    this.#check = compileBodyRules(response, 'fail_first', 'http.response');
    this.#errorPath = response.errorPath ? compileConfiguredPath(response.errorPath, 'http.response.errorPath') : null;
    this.#first = compileRecordReader(response, 'http.response');
    const laterPath = read.http.paging?.resourcePath;
    this.#later = laterPath
      ? compileRecordReader({ ...response, resourcePath: laterPath }, 'http.paging')
      : this.#first;
  }

  read(received: Received, isLaterPage: boolean): ResponsePage {
    const { answer } = received;
    const isSuccess = (answer.status >= 200 && answer.status < 300) || (answer.status < 400 && !this.#followsRedirects);
    if (!isSuccess || received.unauthorized) return { failure: statusFailure(received, this.#errorPath) };
    const parsed = parseAnswer(answer, this.#mediaType);
    if ('failure' in parsed) return { failure: answerFailure(received, parsed.failure) };
    const body = parsed.value;
    const reason = this.#check?.(body) ?? null;
    if (reason !== null) return { failure: bodyFailure(received, reason, body, this.#errorPath) };
    if (body === undefined) return { records: [], body };
    const records = isLaterPage ? this.#later(body) : this.#first(body);
    return parsed.isJson ? { records, body, isJson: true } : { records, body };
  }
}
