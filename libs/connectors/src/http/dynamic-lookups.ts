import type { LookupAnswer, LookupQuestion } from '#engine';
import type { Getter } from '#engine/paths/index';
import type { Failure } from '#failures';
import type { JsonRecord, JsonValue, Lookup } from '#model';
import { compileConfiguredPath } from '../configured-path.js';
import { importContext, readsBareFields, stepRoots } from '../contexts.js';
import { askOnce, asMatches, lookupFailure, lookupNamed } from '../dynamic-lookups.js';
import type { ConnectorHost, StepContext } from '../ports.js';
import type { StaticLookups } from '../templates.js';
import { BodyTemplate } from './body-template.js';
import { HttpClient, isFailed, type SendOptions, type SendResult, textOf } from './client.js';
import type { ConnectionView } from './connection.js';
import type { StoredImport } from './import-settings.js';
import { parseAnswer } from './parse.js';
import type { HttpRequest } from './request.js';
import { type MediaType, RequestTemplate } from './request-template.js';
import { READ_POLICY } from './retry.js';
import { statusFailure } from './status-failure.js';

interface CompiledLookup {
  readonly request: RequestTemplate;
  readonly body: BodyTemplate | null;
  readonly extract: Getter | null;
  readonly bareFields: boolean;
}

/** Dynamic lookups of an HTTP import: requests over its connection. Reference: runtime §14. */
export class HttpDynamicLookups {
  readonly #step: StoredImport;
  readonly #host: ConnectorHost;
  readonly #dynamic: readonly Lookup[];
  readonly #maps: StaticLookups;
  /** The step may leave the media type to its connection. */
  readonly #byMedia = new Map<MediaType, ReadonlyMap<string, CompiledLookup>>();
  readonly #options: SendOptions;

  /** @throws PlatformError for templates and paths that are none */
  constructor(step: StoredImport, dynamic: readonly Lookup[], maps: StaticLookups, host: ConnectorHost) {
    this.#step = step;
    this.#host = host;
    this.#dynamic = dynamic;
    this.#maps = maps;
    this.#compiled('json');
    this.#options = {
      retry: READ_POLICY,
      redirects: { follow: step.http?.followRedirects !== false, max: step.http?.maxRedirects ?? 5 },
      timeoutSeconds: step.http?.timeoutSeconds,
      abortable: true,
    };
  }

  async resolve(questions: readonly LookupQuestion[], context: StepContext): Promise<readonly LookupAnswer[]> {
    const client = HttpClient.of(this.#host);
    const connection = await client.connection(context.connection);
    if ('code' in connection) return questions.map(({ lookup }) => ({ failure: lookupFailure(lookup, connection) }));
    const view = connection.view(connection.token, this.#host);
    const compiled = this.#compiled(connection.http.mediaType);
    const request = (of: ConnectionView, question: LookupQuestion): HttpRequest | Failure =>
      this.#request(of, lookupNamed(compiled, question.lookup), question, context);
    return askOnce(
      questions,
      (question) => ('code' in view ? null : requestKey(question, request(view, question))),
      async (question) => {
        const received = await client.send(connection, (of) => request(of, question), this.#options, context);
        return this.#read(question, lookupNamed(compiled, question.lookup), received);
      },
    );
  }

  #read({ lookup }: LookupQuestion, { extract }: CompiledLookup, received: SendResult): LookupAnswer {
    const failed = (failure: Failure): LookupAnswer => ({ failure: lookupFailure(lookup, failure) });
    if (isFailed(received)) return failed(received.failure);
    const { answer } = received;
    // What is asked for does not exist, which is an answer.
    if (answer.status === 404) return { matches: [] };
    if (answer.status >= 300 || received.unauthorized) return failed(statusFailure(received, null));
    const isText = this.#step.http?.successMediaType === 'plaintext';
    const parsed = isText ? { value: textOf(answer) } : parseAnswer(answer, undefined);
    if ('failure' in parsed) return failed(parsed.failure);
    return { matches: asMatches((extract === null ? parsed.value : extract(parsed.value)) as JsonValue | undefined) };
  }

  #request(
    view: ConnectionView,
    { request, body, bareFields }: CompiledLookup,
    { record }: LookupQuestion,
    context: StepContext,
  ): HttpRequest | Failure {
    const environment = { nowMs: context.run.nowMs };
    const step = this.#step as unknown as JsonRecord;
    const roots = importContext(stepRoots(context, view.document, 'import', step), record, bareFields);
    const text = body === null ? null : body.render(roots, environment);
    if (text !== null && typeof text !== 'string') return text;
    const built = request.build(view, () => roots, text, environment);
    if (!('code' in built) && context.traceparent !== undefined) built.headers.push('traceparent', context.traceparent);
    return built;
  }

  #compiled(fallbackMedia: MediaType): ReadonlyMap<string, CompiledLookup> {
    const mediaType = this.#step.http?.requestMediaType ?? fallbackMedia;
    let compiled = this.#byMedia.get(mediaType);
    if (compiled === undefined) {
      compiled = new Map(this.#dynamic.map((lookup) => [lookup.name, compile(lookup, mediaType, this.#maps)]));
      this.#byMedia.set(mediaType, compiled);
    }
    return compiled;
  }
}

function compile(lookup: Lookup, mediaType: MediaType, maps: StaticLookups): CompiledLookup {
  const text = lookup.body || lookup.postBody;
  const spec = {
    method: lookup.method ?? 'GET',
    relativeURI: lookup.relativeURI ?? '',
    headers: lookup.headers,
    mediaType,
  };
  const request = new RequestTemplate(spec, maps);
  const body = text ? new BodyTemplate(text, mediaType, maps) : null;
  return {
    request,
    body,
    extract: lookup.extract ? compileConfiguredPath(lookup.extract, `lookups.${lookup.name}.extract`) : null,
    bareFields: readsBareFields([request.uri, ...request.headerTemplates, body?.template ?? null]),
  };
}

/** Two lookups with one request may extract different things. */
function requestKey({ lookup }: LookupQuestion, request: HttpRequest | Failure): string | null {
  if ('code' in request) return null;
  return JSON.stringify([lookup, request.method, request.url.href, request.headers, request.body]);
}
