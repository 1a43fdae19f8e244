import type { ImportOutcome, PageIdentity, PreparedRecord } from '#engine';
import type { Getter } from '#engine/paths/index';
import type { Failure } from '#failures';
import type { JsonRecord, JsonValue } from '#model';
import { connectorCodes as codes } from '../codes.js';
import { mapConcurrently } from '../concurrent.js';
import { compileConfiguredPath } from '../configured-path.js';
import { batchContext, importContext, readsBareFields, stepRoots } from '../contexts.js';
import { withoutEmptyNodes } from '../empty-nodes.js';
import { idempotencyKey } from '../idempotency.js';
import type { ConnectorHost, Destination, StepContext } from '../ports.js';
import { BodyTemplate } from './body-template.js';
import { HttpClient, isFailed, type SendOptions } from './client.js';
import type { ConnectionView, HttpConnection } from './connection.js';
import { toForm } from './form.js';
import { BatchAnswer } from './import-answer.js';
import { readWriteSettings, type StoredImport, type WriteSettings } from './import-settings.js';
import type { HttpRequest } from './request.js';
import { type MediaType, RequestTemplate } from './request-template.js';
import { writePolicy } from './retry.js';

/** Requests of one page under way in this worker; the connection's permits bound them further. */
const MAX_CONCURRENT = 64;

/** Compiled for one media type of a connection; the step may leave the media type to it. */
interface CompiledWrite {
  readonly settings: WriteSettings;
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

/** An HTTP import. Reference: runtime §9.3, decisions 11, 18, 19. */
export class HttpDestination implements Destination {
  readonly #step: StoredImport;
  readonly #host: ConnectorHost;
  readonly #answer: BatchAnswer;
  readonly #options: SendOptions;
  readonly #ignore: { readonly get: Getter; readonly when: 'present' | 'absent' } | null;
  readonly #byMedia = new Map<MediaType, CompiledWrite>();

  /** @throws PlatformError when the import cannot be run as it is configured */
  constructor(step: StoredImport, host: ConnectorHost) {
    this.#step = step;
    this.#host = host;
    const { settings } = this.#compiled('json');
    this.#answer = new BatchAnswer(settings, step.http?.successMediaType, step.http?.followRedirects !== false);
    this.#options = {
      retry: writePolicy(settings.method, settings.idempotencyHeader !== '', step.maxAttempts),
      redirects: { follow: step.http?.followRedirects !== false, max: step.http?.maxRedirects ?? 5 },
      timeoutSeconds: step.http?.timeoutSeconds,
      abortable: false,
    };
    const { ignoreExtract } = step.http ?? {};
    this.#ignore =
      ignoreExtract && (step.ignoreExisting || step.ignoreMissing)
        ? {
            get: compileConfiguredPath(ignoreExtract, 'http.ignoreExtract'),
            when: step.ignoreExisting ? 'present' : 'absent',
          }
        : null;
  }

  async submit(
    page: PageIdentity,
    records: readonly PreparedRecord[],
    context: StepContext,
  ): Promise<readonly ImportOutcome[]> {
    const client = HttpClient.of(this.#host);
    const connection = await client.connection(context.connection);
    if ('code' in connection) return records.map(() => refused(connection));
    const write = this.#compiled(connection.http.mediaType);
    const sent = this.#ignore === null ? records : records.filter((record) => !this.#isIgnored(record));
    const batches = this.#batches(sent, write, connection, context);
    const answered = await mapConcurrently(batches, MAX_CONCURRENT, (batch) =>
      'failure' in batch
        ? Promise.resolve([refused(batch.failure)])
        : this.#send(client, connection, write, page, batch, context),
    );
    const outcomes = answered.length === 1 ? answered[0]! : answered.flat();
    return sent.length === records.length ? outcomes : this.#withIgnored(records, outcomes);
  }

  async #send(
    client: HttpClient,
    connection: HttpConnection,
    write: CompiledWrite,
    page: PageIdentity,
    batch: Batch,
    context: StepContext,
  ): Promise<readonly ImportOutcome[]> {
    const { records } = batch;
    const received = await client.send(
      connection,
      (view) => this.#request(view, write, page, batch, context),
      this.#options,
      context,
    );
    if (isFailed(received)) {
      const outcome = refused(received.failure);
      return records.map(() => outcome);
    }
    return this.#answer.outcomes(received, records.length);
  }

  #request(
    view: ConnectionView,
    write: CompiledWrite,
    page: PageIdentity,
    batch: Batch,
    context: StepContext,
  ): HttpRequest | Failure {
    const { settings, request } = write;
    const { records } = batch;
    const environment = { nowMs: context.run.nowMs };
    const body = batch.body ?? this.#body(view, write, records, context);
    if (body !== null && typeof body !== 'string') return body;
    const built = request.build(view, () => this.#roots(view, write, records, 'record', context), body, environment);
    if ('code' in built) return built;
    if (settings.idempotencyHeader !== '') {
      const indices = records.map((record) => record.index);
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
    const { settings, body, hasBody } = write;
    if (body !== null) {
      return body.render(this.#roots(view, write, records, 'value', context), { nowMs: context.run.nowMs });
    }
    if (!hasBody) return null;
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
      ? batchContext(roots, records.map(valueOf))
      : importContext(roots, valueOf(records[0]!), write.bareFields);
  }

  /** Splits a page by `batchSize`, and further so that no body exceeds `endPointBodyLimit`; order is kept. */
  #batches(
    records: readonly PreparedRecord[],
    write: CompiledWrite,
    connection: HttpConnection,
    context: StepContext,
  ): readonly (Batch | { readonly failure: Failure })[] {
    const { batchSize } = write.settings;
    const limit = this.#step.http?.endPointBodyLimit;
    const batches: (Batch | { readonly failure: Failure })[] = [];
    for (let from = 0; from < records.length; from += batchSize) {
      const batch = batchSize >= records.length ? records : records.slice(from, from + batchSize);
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
    into: (Batch | { readonly failure: Failure })[],
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
      into.push({ failure: requestTooLarge(Buffer.byteLength(body), limit) });
    } else {
      const half = Math.ceil(records.length / 2);
      this.#splitToFit(records.slice(0, half), limit, write, connection, context, into);
      this.#splitToFit(records.slice(half), limit, write, connection, context, into);
    }
  }

  #compiled(mediaType: MediaType): CompiledWrite {
    let compiled = this.#byMedia.get(mediaType);
    if (compiled === undefined) {
      const settings = readWriteSettings(this.#step, mediaType);
      const request = new RequestTemplate(
        {
          method: settings.method,
          relativeURI: settings.relativeURI,
          headers: this.#step.http?.headers,
          mediaType: settings.mediaType,
        },
        settings.staticLookups,
      );
      const body =
        settings.body === null ? null : new BodyTemplate(settings.body, settings.mediaType, settings.staticLookups);
      compiled = {
        settings,
        request,
        body,
        hasBody: settings.method === 'POST' || settings.method === 'PUT' || settings.method === 'PATCH',
        bareFields: readsBareFields([request.uri, ...request.headerTemplates, body?.template ?? null]),
      };
      this.#byMedia.set(mediaType, compiled);
    }
    return compiled;
  }

  #isIgnored(record: PreparedRecord): boolean {
    const value = this.#ignore!.get(record.record);
    const isPresent = value !== undefined && value !== null && value !== '';
    return isPresent === (this.#ignore!.when === 'present');
  }

  #withIgnored(records: readonly PreparedRecord[], outcomes: readonly ImportOutcome[]): readonly ImportOutcome[] {
    let next = 0;
    return records.map((record) => (this.#isIgnored(record) ? { statusCode: 200, ignored: true } : outcomes[next++]!));
  }
}

/** Packs records into JSON arrays of at most `limit` bytes, in order; each record is serialised once. */
function packArrays(
  records: readonly PreparedRecord[],
  serialise: (record: PreparedRecord) => string,
  limit: number,
  into: (Batch | { readonly failure: Failure })[],
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
      into.push({ failure: requestTooLarge(size + 1, limit) });
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
