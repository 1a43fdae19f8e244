import type { Failure } from '#failures';
import { connectorCodes as codes } from '../codes.js';
import type { JsonRecord } from '#model';
import { compileTemplate, render, type RenderEnvironment, type StaticLookups, type Template } from '../templates.js';
import { headerOf, setHeader } from './auth.js';
import { ACCEPT_ENCODING } from './body.js';
import type { ConnectionView } from './connection.js';
import { harmlessHeaders, type HttpRequest, parseHttpUrl } from './request.js';
import { signingRoots, type UnsignedRequest, withRequest } from './signing.js';
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
   * Renders address and headers; then, over the request so far, what signs it: `hashOptions`, `hmacOptions` and `aws4`
   * (handlebars §7).
   *
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
    const isConstant = this.isConstant && view.signedHeaders.length === 0;
    const roots = this.isConstant ? {} : context();
    const plain = this.#unsigned(view, roots, body, environment, address);
    if ('code' in plain) return plain;
    const request = isConstant ? plain : this.#signed(plain, view, roots, environment, address !== undefined);
    if ('code' in request) return request;
    const { url } = request;
    const problem = forbidden(request.headers);
    if (problem !== null) return problem;
    const sent = url.origin === view.origin ? request.headers : harmlessHeaders(request.headers);
    if (isConstant && address === undefined)
      this.#constant = { view, url, headers: sent.slice(), hasBody: body !== null };
    return { method: this.method, url, headers: sent, body, secretBody: false };
  }

  #unsigned(
    view: ConnectionView,
    roots: JsonRecord,
    body: string | null,
    environment: RenderEnvironment,
    address: string | undefined,
  ): (UnsignedRequest & { headers: string[] }) | Failure {
    const relativeUri = address ?? render(this.uri.draft ?? this.uri, roots, environment);
    if (typeof relativeUri !== 'string') return relativeUri;
    const url = absoluteUrl(view.baseUri, relativeUri);
    if ('code' in url) return url;
    const headers = view.headers.slice();
    for (const [index, template] of this.headerTemplates.entries()) {
      if (template.draft !== undefined) continue;
      const value = render(template, roots, environment);
      if (typeof value !== 'string') return value;
      setHeader(headers, this.#names[index]!, value);
    }
    addDefault(headers, 'accept', 'application/json, */*;q=0.8');
    addDefault(headers, 'accept-encoding', ACCEPT_ENCODING);
    addDefault(headers, 'user-agent', 'Millrace');
    if (body !== null) addDefault(headers, 'content-type', this.#contentType);
    return { method: this.method, url, baseUri: view.baseUri, relativeUri, headers, body };
  }

  /** First the address, then the headers, which sign the address too. */
  #signed(
    plain: UnsignedRequest & { headers: string[] },
    view: ConnectionView,
    roots: JsonRecord,
    environment: RenderEnvironment,
    hasAddress: boolean,
  ): (UnsignedRequest & { headers: string[] }) | Failure {
    let request = plain;
    if (this.uri.draft !== undefined && !hasAddress) {
      const context = { ...roots, ...signingRoots(plain, view.document) };
      const relativeUri = render(this.uri, context, withRequest(environment, plain));
      if (typeof relativeUri !== 'string') return relativeUri;
      const url = absoluteUrl(view.baseUri, relativeUri);
      if ('code' in url) return url;
      request = { ...plain, url, relativeUri };
    }
    const own = this.headerTemplates.flatMap((value, index) =>
      value.draft === undefined ? [] : [{ name: this.#names[index]!, value, context: roots }],
    );
    const signing = [...view.signedHeaders.map((header) => ({ ...header, context: view.context })), ...own];
    if (signing.length === 0) return request;
    const options = signingRoots(request, view.document);
    const signed = withRequest(environment, { ...request, headers: request.headers.slice() });
    for (const { name, value, context } of signing) {
      const rendered = render(value, { ...context, ...options }, signed);
      if (typeof rendered !== 'string') return rendered;
      setHeader(request.headers, name, rendered);
    }
    return request;
  }
}

function absoluteUrl(baseUri: string, relative: string): URL | Failure {
  const absolute = /^https?:\/\//i.test(relative) ? relative : joinUri(baseUri, relative);
  return (
    parseHttpUrl(absolute) ?? {
      code: codes.invalid_url.code,
      message: `The rendered address is no http URL: ${absolute.slice(0, 500)}`,
      source: 'resource',
      classification: 'parse',
    }
  );
}

function forbidden(headers: readonly string[]): Failure | null {
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
  return null;
}

function addDefault(headers: string[], name: string, value: string): void {
  if (headerOf(headers, name) === undefined) headers.push(name, value);
}
