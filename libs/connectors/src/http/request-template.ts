import type { Failure } from '#failures';
import { connectorCodes as codes } from '../codes.js';
import type { JsonRecord } from '#model';
import { compileTemplate, render, type RenderEnvironment, type StaticLookups, type Template } from '../templates.js';
import { headerOf, setHeader } from './auth.js';
import { ACCEPT_ENCODING } from './body.js';
import type { ConnectionView } from './connection.js';
import { harmlessHeaders, type HttpRequest, parseHttpUrl } from './request.js';
import { joinUri } from './token-request.js';

export type MediaType = 'json' | 'xml' | 'urlencoded' | 'form-data' | 'plaintext' | 'csv' | 'octet-stream';

export interface RequestSpec {
  readonly method: string;
  readonly relativeURI: string;
  readonly headers: readonly { readonly name: string; readonly value?: string }[] | undefined;
  /** Sent when the request has a body. */
  readonly mediaType: MediaType;
}

const CONTENT_TYPES: Readonly<Record<MediaType, string>> = {
  json: 'application/json',
  xml: 'application/xml',
  urlencoded: 'application/x-www-form-urlencoded',
  'form-data': 'multipart/form-data',
  plaintext: 'text/plain',
  csv: 'text/csv',
  'octet-stream': 'application/octet-stream',
};

/** Anything that undici, and RFC 9110, refuse in a field value; line breaks above all. */
const FORBIDDEN_IN_HEADERS = /[^\t\x20-\x7e\x80-\xff]/;

/** Method, address and headers of a step, compiled. Bodies are the caller's. */
export class RequestTemplate {
  readonly method: string;
  readonly uri: Template;
  readonly headerTemplates: readonly Template[];

  readonly #names: readonly string[];
  readonly #contentType: string;
  /** Address and headers of a step without expressions, per view of its connection. */
  #constant: { view: ConnectionView; url: URL; headers: readonly string[]; hasBody: boolean } | null = null;

  /** @throws PlatformError for text that is no template */
  constructor(spec: RequestSpec, staticLookups?: StaticLookups) {
    this.method = spec.method;
    this.uri = compileTemplate(spec.relativeURI, 'uri', 'resource', 'request url', staticLookups);
    this.#names = (spec.headers ?? []).map(({ name }) => name);
    this.headerTemplates = (spec.headers ?? []).map(({ name, value }) =>
      compileTemplate(value ?? '', 'header', 'resource', `header ${name}`, staticLookups),
    );
    this.#contentType = CONTENT_TYPES[spec.mediaType];
  }

  get isConstant(): boolean {
    return this.uri.constant !== undefined && this.headerTemplates.every((template) => template.constant !== undefined);
  }

  /**
   * @param context roots for address and headers; not touched when they are constant
   * @param address replaces the step's relative URI: absolute, or relative to the base URI
   */
  build(
    view: ConnectionView,
    context: () => JsonRecord,
    body: string | null,
    environment: RenderEnvironment,
    address?: string,
  ): HttpRequest | Failure {
    const constant = this.#constant;
    if (address === undefined && constant !== null && constant.view === view && constant.hasBody === (body !== null)) {
      return { method: this.method, url: constant.url, headers: constant.headers.slice(), body, secretBody: false };
    }
    const isConstant = this.isConstant;
    const roots = isConstant ? {} : context();
    const relative = address ?? render(this.uri, roots, environment);
    if (typeof relative !== 'string') return relative;
    const absolute = /^https?:\/\//i.test(relative) ? relative : joinUri(view.baseUri, relative);
    const url = parseHttpUrl(absolute);
    if (url === null) {
      return {
        code: codes.invalid_url.code,
        message: `The rendered address is no http URL: ${absolute.slice(0, 500)}`,
        source: 'resource',
        classification: 'parse',
      };
    }
    const headers = this.#headers(view, roots, body !== null, environment);
    if ('code' in headers) return headers;
    const sent = url.origin === view.origin ? headers : harmlessHeaders(headers);
    if (isConstant && address === undefined)
      this.#constant = { view, url, headers: sent.slice(), hasBody: body !== null };
    return { method: this.method, url, headers: sent, body, secretBody: false };
  }

  #headers(
    view: ConnectionView,
    context: JsonRecord,
    hasBody: boolean,
    environment: RenderEnvironment,
  ): string[] | Failure {
    const headers = view.headers.slice();
    for (const [index, template] of this.headerTemplates.entries()) {
      const value = render(template, context, environment);
      if (typeof value !== 'string') return value;
      setHeader(headers, this.#names[index]!, value);
    }
    for (let at = 1; at < headers.length; at += 2) {
      if (FORBIDDEN_IN_HEADERS.test(headers[at]!)) {
        return {
          code: codes.invalid_header.code,
          message: `The header ${headers[at - 1]} has a line break or another forbidden character.`,
          source: 'resource',
          classification: 'value',
        };
      }
    }
    addDefault(headers, 'accept', 'application/json, */*;q=0.8');
    addDefault(headers, 'accept-encoding', ACCEPT_ENCODING);
    addDefault(headers, 'user-agent', 'Millrace');
    if (hasBody) addDefault(headers, 'content-type', this.#contentType);
    return headers;
  }
}

function addDefault(headers: string[], name: string, value: string): void {
  if (headerOf(headers, name) === undefined) headers.push(name, value);
}
