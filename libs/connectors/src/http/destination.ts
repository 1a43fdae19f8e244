import type { ImportOutcome, LookupAnswer, LookupQuestion, PageIdentity, PreparedRecord } from '#engine';
import { type Composite, compositeOf } from '#engine/flow/composite';
import type { Failure } from '#failures';
import type { JsonRecord, JsonValue } from '#model';
import { connectorCodes as codes } from '../codes.js';
import { mapConcurrently } from '../concurrent.js';
import { batchContext, importContext, readsBareFields, stepRoots } from '../contexts.js';
import { type ImportLookups, readLookups } from '../dynamic-lookups.js';
import { withoutEmptyNodes } from '../empty-nodes.js';
import { idempotencyKey } from '../idempotency.js';
import {
  type BuiltRequest,
  type BuiltRequests,
  type ConnectorHost,
  type Destination,
  maxPlannedBodyBytes,
  type PlannedRequest,
  type StepContext,
} from '../ports.js';
import { BodyTemplate } from './body-template.js';
import { HttpClient, isFailed, type SendOptions } from './client.js';
import type { ConnectionView, HttpConnection } from './connection.js';
import { HttpDynamicLookups } from './dynamic-lookups.js';
import { toForm } from './form.js';
import { BatchAnswer } from './import-answer.js';
import { readWriteSettings, type StoredImport, type WriteSettings } from './import-settings.js';
import type { HttpRequest } from './request.js';
import { type MediaType, RequestTemplate } from './request-template.js';
import { writePolicy } from './retry.js';

/** Requests of one page under way in this worker; the connection's permits bound them further. */
const MAX_CONCURRENT = 64;

/** One request, compiled for one media type of a connection; the step may leave the media type to it. */
interface CompiledWrite {
  readonly settings: WriteSettings;
  readonly answer: BatchAnswer;
  readonly options: SendOptions;
  readonly request: RequestTemplate;
  readonly body: BodyTemplate | null;
  readonly hasBody: boolean;
  readonly bareFields: boolean;
}

/** Records of one request, with its body when that had to be rendered to measure it. */
interface Batch {
  readonly records: readonly PreparedRecord[];
  readonly body?: string;
}

/** A record that no request can carry. */
interface Unsendable {
  readonly records: readonly [PreparedRecord];
  readonly failure: Failure;
}

/** An HTTP import. Reference: runtime §9.3, decisions 11, 18, 19. */
export class HttpDestination implements Destination {
  readonly #step: StoredImport;
  readonly #host: ConnectorHost;
  readonly #lookups: ImportLookups;
  readonly #dynamic: HttpDynamicLookups;
  /** Positions of the requests of a composite import. */
  readonly #composite: Composite | undefined;
  readonly #compiledBy = new Map<string, CompiledWrite>();

  /** @throws PlatformError when the import cannot be run as it is configured */
  constructor(step: StoredImport, host: ConnectorHost) {
    this.#step = step;
    this.#host = host;
    this.#composite = compositeOf(step);
    this.#lookups = readLookups(step);
    this.#dynamic = new HttpDynamicLookups(step, this.#lookups.dynamic, this.#lookups.static, host);
    for (const at of this.#composite === undefined ? [0] : [0, 1]) this.#compiled('json', at);
  }

  async submit(
    page: PageIdentity,
    records: readonly PreparedRecord[],
    context: StepContext,
  ): Promise<readonly ImportOutcome[]> {
    const client = HttpClient.of(this.#host);
    const connection = await client.connection(context.connection);
    if ('code' in connection) return records.map(() => refused(connection));
    const write = (some: readonly PreparedRecord[], at: number): Promise<readonly ImportOutcome[]> =>
      this.#write(client, connection, this.#compiled(connection.http.mediaType, at), page, some, context);
    if (this.#composite === undefined) return write(records, 0);
    const [created, updated] = await Promise.all([
      write(
        records.filter((record) => !isUpdate(record)),
        this.#composite.create,
      ),
      write(records.filter(isUpdate), this.#composite.update),
    ]);
    let nextCreated = 0;
    let nextUpdated = 0;
    return records.map((record) => (isUpdate(record) ? updated[nextUpdated++]! : created[nextCreated++]!));
  }

  async build(records: readonly PreparedRecord[], document: StepContext['connection']): Promise<BuiltRequests | null> {
    if (this.#composite !== undefined || this.#step.http?.endPointBodyLimit !== undefined) return null;
    const connection = await HttpClient.of(this.#host).connection(document);
    if ('code' in connection) return null;
    const write = this.#compiled(connection.http.mediaType, 0);
    if (!write.hasBody || write.body !== null || !write.request.isConstant) return null;
    return inBatches(records, write.settings.batchSize).map((batch) => ({
      indices: indicesOf(batch),
      body: this.#serialised(write, batch),
    }));
  }

  async submitBuilt(
    page: PageIdentity,
    requests: BuiltRequests,
    context: StepContext,
  ): Promise<readonly ImportOutcome[]> {
    const client = HttpClient.of(this.#host);
    const connection = await client.connection(context.connection);
    if ('code' in connection) return requests.flatMap(({ indices }) => indices.map(() => refused(connection)));
    const write = this.#compiled(connection.http.mediaType, 0);
    const answered = await mapConcurrently(requests, MAX_CONCURRENT, (request) =>
      this.#send(client, connection, write, page, request, context),
    );
    return answered.length === 1 ? answered[0]! : answered.flat();
  }

  resolveLookups(questions: readonly LookupQuestion[], context: StepContext): Promise<readonly LookupAnswer[]> {
    return this.#dynamic.resolve(questions, context);
  }

  async #write(
    client: HttpClient,
    connection: HttpConnection,
    write: CompiledWrite,
    page: PageIdentity,
    records: readonly PreparedRecord[],
    context: StepContext,
  ): Promise<readonly ImportOutcome[]> {
    const batches = this.#batches(records, write, connection, context);
    const answered = await mapConcurrently(batches, MAX_CONCURRENT, (batch) =>
      'failure' in batch
        ? Promise.resolve([refused(batch.failure)])
        : this.#send(client, connection, write, page, batch, context),
    );
    return answered.length === 1 ? answered[0]! : answered.flat();
  }

  async preview(
    page: PageIdentity,
    records: readonly PreparedRecord[],
    context: StepContext,
  ): Promise<readonly PlannedRequest[]> {
    const client = HttpClient.of(this.#host);
    const connection = await client.connection(context.connection);
    if ('code' in connection) return [unsent(this.#step.http?.method?.[0], records, connection)];
    const plan = (some: readonly PreparedRecord[], at: number): readonly PlannedRequest[] => {
      const write = this.#compiled(connection.http.mediaType, at);
      return this.#batches(some, write, connection, context).map((batch) =>
        this.#planned(client, connection, write, page, batch, context),
      );
    };
    if (this.#composite === undefined) return plan(records, 0);
    const created = records.filter((record) => !isUpdate(record));
    return [...plan(created, this.#composite.create), ...plan(records.filter(isUpdate), this.#composite.update)];
  }

  #planned(
    client: HttpClient,
    connection: HttpConnection,
    write: CompiledWrite,
    page: PageIdentity,
    batch: Batch | Unsendable,
    context: StepContext,
  ): PlannedRequest {
    const { records } = batch;
    if ('failure' in batch) return unsent(write.settings.method, records, batch.failure);
    const build = (view: ConnectionView) => this.#request(view, write, page, batch, context);
    const request = client.describe(connection, build, maxPlannedBodyBytes);
    if ('code' in request) return unsent(write.settings.method, records, request);
    const { method, url, requestHeaders, requestBody } = request;
    return {
      system: 'http',
      method,
      target: url,
      headers: requestHeaders,
      ...(requestBody === undefined ? {} : { body: requestBody }),
      indices: indicesOf(records),
    };
  }

  async #send(
    client: HttpClient,
    connection: HttpConnection,
    write: CompiledWrite,
    page: PageIdentity,
    batch: Batch | BuiltRequest,
    context: StepContext,
  ): Promise<readonly ImportOutcome[]> {
    const count = 'records' in batch ? batch.records.length : batch.indices.length;
    const received = await client.send(
      connection,
      (view) => this.#request(view, write, page, batch, context),
      write.options,
      context,
    );
    if (isFailed(received)) {
      return Array.from<ImportOutcome>({ length: count }).fill(refused(received.failure));
    }
    return write.answer.outcomes(received, count);
  }

  #request(
    view: ConnectionView,
    write: CompiledWrite,
    page: PageIdentity,
    batch: Batch | BuiltRequest,
    context: StepContext,
  ): HttpRequest | Failure {
    const { settings, request } = write;
    // Nobody asks for the records of a built request: its address and headers are constant.
    const records = 'records' in batch ? batch.records : [];
    const environment = { nowMs: context.run.nowMs };
    const body = batch.body ?? this.#body(view, write, records, context);
    if (body !== null && typeof body !== 'string') return body;
    const built = request.build(view, () => this.#roots(view, write, records, 'record', context), body, environment);
    if ('code' in built) return built;
    if (settings.idempotencyHeader !== '') {
      const indices = 'indices' in batch ? batch.indices : indicesOf(records);
      built.headers.push(settings.idempotencyHeader, idempotencyKey(context.run.runId, context.stepId, page, indices));
    }
    if (context.traceparent !== undefined) built.headers.push('traceparent', context.traceparent);
    return built;
  }

  /** What is sent of a record: the mapped one, unless the step says otherwise. */
  #value(record: PreparedRecord): JsonValue {
    const value = this.#step.http?.sendPostMappedData === false ? record.record : record.mapped;
    return this.#step.http?.ignoreEmptyNodes ? withoutEmptyNodes(value) : value;
  }

  #body(
    view: ConnectionView,
    write: CompiledWrite,
    records: readonly PreparedRecord[],
    context: StepContext,
  ): string | Failure | null {
    const { body, hasBody } = write;
    if (body !== null) {
      return body.render(this.#roots(view, write, records, 'value', context), { nowMs: context.run.nowMs });
    }
    return hasBody ? this.#serialised(write, records) : null;
  }

  /** The body of a request without a template. */
  #serialised({ settings }: CompiledWrite, records: readonly PreparedRecord[]): string {
    if (settings.batchSize > 1) return JSON.stringify(records.map((record) => this.#value(record)));
    return this.#single(this.#value(records[0]!), settings.mediaType);
  }

  #single(value: JsonValue, mediaType: MediaType): string {
    if (mediaType === 'urlencoded') return toForm(value);
    return mediaType === 'plaintext' && typeof value === 'string' ? value : JSON.stringify(value);
  }

  #roots(
    view: ConnectionView,
    write: CompiledWrite,
    records: readonly PreparedRecord[],
    of: 'record' | 'value',
    context: StepContext,
  ): JsonRecord {
    const roots = stepRoots(context, view.document, 'import', this.#step as unknown as JsonRecord);
    const valueOf = (record: PreparedRecord): JsonValue => (of === 'record' ? record.record : this.#value(record));
    return write.settings.batchSize > 1
      ? batchContext(
          roots,
          records.map(valueOf),
          records.map(({ lookups }) => lookups),
        )
      : importContext(roots, valueOf(records[0]!), write.bareFields, records[0]!.lookups);
  }

  /** Splits a page by `batchSize`, and further so that no body exceeds `endPointBodyLimit`; order is kept. */
  #batches(
    records: readonly PreparedRecord[],
    write: CompiledWrite,
    connection: HttpConnection,
    context: StepContext,
  ): readonly (Batch | Unsendable)[] {
    const { batchSize } = write.settings;
    const limit = this.#step.http?.endPointBodyLimit;
    const batches: (Batch | Unsendable)[] = [];
    for (const batch of inBatches(records, batchSize)) {
      if (limit === undefined || !(write.hasBody || write.body !== null)) batches.push({ records: batch });
      else this.#splitToFit(batch, limit, write, connection, context, batches);
    }
    return batches;
  }

  #splitToFit(
    records: readonly PreparedRecord[],
    limit: number,
    write: CompiledWrite,
    connection: HttpConnection,
    context: StepContext,
    into: (Batch | Unsendable)[],
  ): void {
    if (write.body === null && write.settings.batchSize > 1) {
      packArrays(records, (record) => JSON.stringify(this.#value(record)), limit, into);
      return;
    }
    // A template has to be rendered to be measured; a batch that is too large is halved until it fits.
    const view = connection.view(connection.token, this.#host);
    const body = 'code' in view ? view : this.#body(view, write, records, context);
    if (body === null || typeof body !== 'string') {
      into.push({ records }); // sending it gives the failure to every record
    } else if (Buffer.byteLength(body) <= limit) {
      into.push(connection.authenticator.refreshable ? { records } : { records, body });
    } else if (records.length === 1) {
      into.push({ records: [records[0]!], failure: requestTooLarge(Buffer.byteLength(body), limit) });
    } else {
      const half = Math.ceil(records.length / 2);
      this.#splitToFit(records.slice(0, half), limit, write, connection, context, into);
      this.#splitToFit(records.slice(half), limit, write, connection, context, into);
    }
  }

  #compiled(mediaType: MediaType, at: number): CompiledWrite {
    const key = `${mediaType}/${at}`;
    let compiled = this.#compiledBy.get(key);
    if (compiled === undefined) {
      compiled = this.#compile(mediaType, at);
      this.#compiledBy.set(key, compiled);
    }
    return compiled;
  }

  #compile(fallbackMedia: MediaType, at: number): CompiledWrite {
    const { http, maxAttempts } = this.#step;
    const settings = readWriteSettings(this.#step, fallbackMedia, at);
    const { method, relativeURI, mediaType } = settings;
    const maps = this.#lookups.static;
    const request = new RequestTemplate({ method, relativeURI, headers: http?.headers, mediaType }, maps);
    const body = settings.body === null ? null : new BodyTemplate(settings.body, mediaType, maps);
    return {
      settings,
      request,
      body,
      answer: new BatchAnswer(settings, http?.successMediaType, http?.followRedirects !== false),
      options: {
        retry: writePolicy(method, settings.idempotencyHeader !== '', maxAttempts),
        redirects: { follow: http?.followRedirects !== false, max: http?.maxRedirects ?? 5 },
        timeoutSeconds: http?.timeoutSeconds,
        abortable: false,
      },
      hasBody: method === 'POST' || method === 'PUT' || method === 'PATCH',
      bareFields: readsBareFields([request.uri, ...request.headerTemplates, body?.template ?? null]),
    };
  }
}

function isUpdate(record: PreparedRecord): boolean {
  return record.operation === 'update';
}

function unsent(method: string | undefined, records: readonly PreparedRecord[], failure: Failure): PlannedRequest {
  return { system: 'http', method: method ?? 'POST', target: '', indices: indicesOf(records), failure };
}

function inBatches(records: readonly PreparedRecord[], batchSize: number): readonly (readonly PreparedRecord[])[] {
  if (records.length > 0 && batchSize >= records.length) return [records];
  const batches: (readonly PreparedRecord[])[] = [];
  for (let from = 0; from < records.length; from += batchSize) batches.push(records.slice(from, from + batchSize));
  return batches;
}

function indicesOf(records: readonly PreparedRecord[]): number[] {
  return records.map(({ index }) => index);
}

/** Packs records into JSON arrays of at most `limit` bytes, in order; each record is serialised once. */
function packArrays(
  records: readonly PreparedRecord[],
  serialise: (record: PreparedRecord) => string,
  limit: number,
  into: (Batch | Unsendable)[],
): void {
  let open: PreparedRecord[] = [];
  let parts: string[] = [];
  let bytes = 2;
  const close = (): void => {
    if (open.length > 0) into.push({ records: open, body: `[${parts.join(',')}]` });
    open = [];
    parts = [];
    bytes = 2;
  };
  for (const record of records) {
    const part = serialise(record);
    const size = Buffer.byteLength(part) + 1;
    if (size + 1 > limit) {
      close();
      into.push({ records: [record], failure: requestTooLarge(size + 1, limit) });
      continue;
    }
    if (bytes + size - 1 > limit) close();
    open.push(record);
    parts.push(part);
    bytes += size;
  }
  close();
}

function requestTooLarge(bytes: number, limit: number): Failure {
  return {
    code: codes.request_too_large.code,
    message: `The request for this record has ${bytes} bytes; endPointBodyLimit allows ${limit}.`,
    source: 'resource',
    classification: 'too_large',
  };
}

function refused(failure: Failure): ImportOutcome {
  return { statusCode: failure.source === 'connection' ? 403 : 422, failures: [failure] };
}
