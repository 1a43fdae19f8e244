import type { JsonRecord, JsonValue } from '#model';
import type { RenderEnvironment } from '../templates.js';
import { headersToRecord } from './request.js';

/** A request of which everything is rendered but what signs it. */
export interface UnsignedRequest {
  readonly method: string;
  readonly url: URL;
  readonly baseUri: string;
  readonly relativeUri: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: string | null;
}

/** Not part of what is signed. Reference: handlebars §7. */
const unsignedParameters: ReadonlySet<string> = new Set(['sign', 'access_token']);

/** Roots of templates that sign a request. Reference: handlebars §7. */
export function signingRoots(request: UnsignedRequest, connection: JsonRecord): JsonRecord {
  const { url, method, headers, body } = request;
  const http = connection['http'] as JsonRecord | undefined;
  const hashOptions: JsonRecord = {
    headers: headersToRecord(headers),
    body: body ?? '',
    bodyParametersMap: bodyParameters(body ?? ''),
    method,
    http: { encrypted: http?.['encrypted'] ?? {} },
    baseURI: request.baseUri,
    relativeURI: request.relativeUri,
    urlParameters: url.search.slice(1),
    urlParametersMap: Object.fromEntries(url.searchParams),
    URI: url.href,
  };
  return { hashOptions, hmacOptions: { ...hashOptions, orderedQueryParams: orderedQuery(url) } };
}

/** What `aws4` signs. */
export function withRequest(environment: RenderEnvironment, request: UnsignedRequest): RenderEnvironment {
  const { method, url, headers, body } = request;
  return { ...environment, request: { method, url, headers: headersToRecord(headers), body: body ?? '' } };
}

/** Members of a JSON object, or fields of a form; a body of another kind has none. */
function bodyParameters(body: string): JsonValue {
  try {
    const parsed = JSON.parse(body) as JsonValue;
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? parsed : {};
  } catch {
    return body.includes('=') ? Object.fromEntries(new URLSearchParams(body)) : {};
  }
}

/** The query as it is sent, sorted by name, without what the signature is put into. */
function orderedQuery(url: URL): string {
  return url.search
    .slice(1)
    .split('&')
    .map((pair) => ({ pair, name: pair.split('=', 1)[0]! }))
    .filter(({ name }) => name !== '' && !unsignedParameters.has(name))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    .map(({ pair }) => pair)
    .join('&');
}
