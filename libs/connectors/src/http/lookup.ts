import type { LookupOutcome, PreparedRecord } from '#engine';
import type { Failure } from '#failures';
import type { JsonRecord, JsonValue } from '#model';
import { mapConcurrently } from '../concurrent.js';
import { lookupContext, readsBareFields, stepRoots } from '../contexts.js';
import { deltaRoots } from '../delta.js';
import { failedLookup, lookupTooLarge } from '../lookup-failures.js';
import type { ConnectorHost, LookupSource, StepContext } from '../ports.js';
import { MAX_RECORD_BYTES } from '../records.js';
import { HttpClient, isFailed } from './client.js';
import type { ConnectionView, HttpConnection } from './connection.js';
import { type CompiledRead, compileRead, type StoredExport } from './export-request.js';
import { toForm } from './form.js';
import { Pager, type PagingState } from './paging.js';
import type { HttpRequest } from './request.js';
import { ResponseReader } from './source.js';

/** Requests of one page under way in this worker; the connection's permits bound them further. */
const MAX_CONCURRENT = 64;

/** An HTTP export inside a flow: one request (or more, when it pages) per record. Reference: runtime §9.2. */
export class HttpLookup implements LookupSource {
  readonly #step: StoredExport;
  readonly #host: ConnectorHost;
  readonly #read: CompiledRead;
  readonly #pager: Pager;
  readonly #parser: ResponseReader;
  readonly #bareFields: boolean;
  readonly #sendsMapped: boolean;

  /** @throws PlatformError when the lookup cannot be run as it is configured */
  constructor(step: StoredExport, host: ConnectorHost) {
    this.#step = step;
    this.#host = host;
    this.#read = compileRead(step);
    this.#pager = new Pager(this.#read.http.paging);
    this.#parser = new ResponseReader(this.#read);
    const { request, body } = this.#read;
    this.#bareFields = readsBareFields([request.uri, ...request.headerTemplates, body?.template ?? null]);
    const hasBody = request.method === 'POST' || request.method === 'PUT' || request.method === 'PATCH';
    this.#sendsMapped = body === null && hasBody && (step.mappings?.length ?? 0) > 0;
  }

  async lookup(records: readonly PreparedRecord[], context: StepContext): Promise<readonly LookupOutcome[]> {
    const client = HttpClient.of(this.#host);
    const connection = await client.connection(context.connection);
    if ('code' in connection) return records.map(() => failedLookup(connection));
    return mapConcurrently(records, MAX_CONCURRENT, (record) => this.#one(client, connection, record, context));
  }

  async #one(
    client: HttpClient,
    connection: HttpConnection,
    record: PreparedRecord,
    context: StepContext,
  ): Promise<LookupOutcome> {
    const environment = { nowMs: context.run.nowMs };
    const data: JsonValue[] = [];
    let bytes = 0;
    let state = this.#pager.first();
    let previous: Buffer | null = null;
    for (;;) {
      const current = state;
      const received = await client.send(
        connection,
        (view) => this.#request(current, view, record, context),
        this.#read.options,
        context,
      );
      if (isFailed(received)) return failedLookup(received.failure);
      if (this.#pager.endsWith(received.answer.status, current)) return { statusCode: 200, data };
      bytes += received.answer.body.length;
      if (bytes > MAX_RECORD_BYTES) return failedLookup(lookupTooLarge(bytes));
      const page = this.#parser.read(received, current.pages > 0);
      if ('failure' in page) return failedLookup(page.failure);
      const next = this.#pager.next(
        current,
        {
          answer: received.answer,
          previous,
          body: page.body,
          recordCount: page.records.length,
          lastRecord: page.records.at(-1) ?? null,
          url: received.request.url,
        },
        (later) => this.#roots(later, received.view, record, context),
        environment,
      );
      if ('endless' in next) return failedLookup(endless());
      data.push(...page.records);
      if ('failure' in next) return failedLookup(next.failure);
      if (next.state === null) return { statusCode: 200, data };
      state = next.state;
      previous = received.answer.body;
    }
  }

  #request(
    state: PagingState,
    view: ConnectionView,
    record: PreparedRecord,
    context: StepContext,
  ): HttpRequest | Failure {
    const environment = { nowMs: context.run.nowMs };
    let built: JsonRecord | null = null;
    const roots = (): JsonRecord => (built ??= this.#roots(state, view, record, context));
    let body: string | null = state.body ?? null;
    if (body === null && this.#read.body !== null) {
      // The body renders over the mapped record, address and headers over the record itself (runtime §9.2).
      const mapped = { ...record, record: record.mapped };
      const rendered = this.#read.body.render(this.#roots(state, view, mapped, context), environment);
      if (typeof rendered !== 'string') return rendered;
      body = rendered;
    } else if (body === null && this.#sendsMapped) {
      body = this.#read.http.requestMediaType === 'urlencoded' ? toForm(record.mapped) : JSON.stringify(record.mapped);
    }
    const request = this.#read.request.build(view, roots, body, environment, state.address);
    if ('code' in request || context.traceparent === undefined) return request;
    return { ...request, headers: [...request.headers, 'traceparent', context.traceparent] };
  }

  #roots(state: PagingState, view: ConnectionView, record: PreparedRecord, context: StepContext): JsonRecord {
    const step = this.#step as unknown as JsonRecord;
    const http = step['http'] as JsonRecord;
    const paging = {
      ...(http['paging'] as JsonRecord | undefined),
      page: state.page,
      skip: state.skip,
      token: state.token,
    };
    const roots = {
      ...stepRoots(context, view.document, 'export', { ...step, http: { ...http, paging } }),
      ...deltaRoots(this.#step, context.run),
      exportStartTime: context.run.currentExportDateTime,
    };
    return lookupContext(roots, record, this.#bareFields);
  }
}

function endless(): Failure {
  return {
    code: 'endless_paging',
    message: 'Two pages of the lookup are identical. Check the paging settings.',
    source: 'lookup',
  };
}
