import { createHash } from 'node:crypto';
import type { ConnectionOptions } from 'node:tls';
import { type Failure, PlatformError } from '#failures';
import type { Connection, JsonRecord, JsonValue } from '#model';
import { Redactor } from '#security/mask';
import type { ConnectorHost, OAuthToken } from '../ports.js';
import { compileTemplate, render, type Template } from '../templates.js';
import { type Authenticator, compileAuthenticator } from './auth.js';
import type { TlsOptions } from './pools.js';
import { type BodyCheck, compileBodyRules } from './rules.js';

type StoredConnection = Connection & { readonly _id: string };
export type HttpSettings = NonNullable<Connection['http']>;

/** What requests of a connection share, rendered; renewed when its token changes. */
export interface ConnectionView {
  readonly token: OAuthToken | null;
  /** The document as templates see it, `connection.http.auth.token.token` being the current one (decision 17). */
  readonly document: JsonRecord;
  /** Without a trailing slash. */
  readonly baseUri: string;
  readonly origin: string;
  /** Rendered headers of the connection, names and values in turn. */
  readonly headers: readonly string[];
  /** Headers that sign a request, rendered for each (handlebars §7). */
  readonly signedHeaders: readonly { readonly name: string; readonly value: Template }[];
  /** What templates of the connection see. */
  readonly context: JsonRecord;
  readonly redactor: Redactor;
}

/** A connection with its secrets opened, compiled once per worker. Never logged, never serialised. */
export class HttpConnection {
  readonly id: string;
  readonly http: HttpSettings;
  readonly authenticator: Authenticator;
  readonly tls: TlsOptions | null;
  readonly rateLimitStatus: number;
  readonly retryHeader: string;
  readonly rateLimitCheck: BodyCheck | null;
  readonly authFailureCheck: BodyCheck | null;
  /** Counts answers that were no refusal: a 429 uses up no try while it moves (decision 11). */
  progress = 0;
  /** The token in use; null before the first one, and for connections without. */
  token: OAuthToken | null = null;
  /** A token request under way in this worker; the others wait for it. */
  pendingToken: Promise<OAuthToken | Failure> | null = null;

  readonly #document: StoredConnection;
  readonly #baseUri: Template;
  readonly #headers: readonly { readonly name: string; readonly value: Template }[];
  readonly #authFailureStatuses: ReadonlySet<number>;
  #view: ConnectionView | null = null;

  /** @throws PlatformError `not_supported`, `invalid_value` or a template error: the run is refused */
  constructor(document: StoredConnection) {
    const { http } = document;
    if (http === undefined) throw new PlatformError('invalid_value', 'The connection has no http settings.');
    const authenticator = compileAuthenticator(http);
    if (authenticator === null) {
      throw new PlatformError('not_supported', `Authentication of type ${http.auth?.type} is not supported yet.`);
    }
    this.id = document._id;
    this.http = http;
    this.authenticator = authenticator;
    this.tls = tlsOf(document, http);
    this.#document = document;
    this.#baseUri = compileTemplate(http.baseURI, 'uri', 'connection', 'base URI');
    this.#headers = (http.headers ?? []).map(({ name, value }) => ({
      name,
      value: compileTemplate(value ?? '', 'header', 'connection', `header ${name}`),
    }));
    this.rateLimitStatus = http.rateLimit?.failStatusCode ?? 429;
    this.retryHeader = http.retryHeader ?? 'Retry-After';
    this.rateLimitCheck = compileBodyRules(pick(http.rateLimit), 'fail_first', 'http.rateLimit');
    this.authFailureCheck = compileBodyRules(pick(http.auth), 'fail_first', 'http.auth');
    this.#authFailureStatuses = new Set([
      http.auth?.failStatusCode ?? 401,
      ...(http.auth?.failures ?? []).flatMap(({ statusCode }) => (statusCode === undefined ? [] : [statusCode])),
    ]);
  }

  isAuthFailureStatus(status: number): boolean {
    return this.#authFailureStatuses.has(status);
  }

  /** The shared parts for a token; rendered anew only when the token is another one. */
  view(token: OAuthToken | null, host: ConnectorHost): ConnectionView | Failure {
    const known = this.#view;
    if (known !== null && known.token?.version === token?.version) return known;
    const document = withToken(this.#document, token) as unknown as JsonRecord;
    const context: JsonRecord = {
      connection: document,
      settings: { connection: this.#document.settings ?? {} },
    };
    const environment = { nowMs: () => host.clock.now() };
    const baseUri = render(this.#baseUri, context, environment);
    if (typeof baseUri !== 'string') return baseUri;
    const headers: string[] = [];
    for (const { name, value } of this.#headers) {
      if (value.draft !== undefined) continue;
      const rendered = render(value, context, environment);
      if (typeof rendered !== 'string') return rendered;
      headers.push(name, rendered);
    }
    this.#view = {
      token,
      document,
      baseUri,
      origin: URL.parse(baseUri)?.origin ?? '',
      headers,
      signedHeaders: this.#headers.filter(({ value }) => value.draft !== undefined),
      context,
      redactor: new Redactor(secretsOf(document)),
    };
    return this.#view;
  }
}

function pick(rules: { failPath?: string; failValues?: readonly string[] } | undefined): {
  failPath?: string;
  failValues?: readonly string[];
} {
  return { failPath: rules?.failPath, failValues: rules?.failValues };
}

function withToken(document: StoredConnection, token: OAuthToken | null): StoredConnection {
  if (token === null) return document;
  const auth = document.http?.auth ?? {};
  return {
    ...document,
    http: {
      ...document.http!,
      auth: {
        ...auth,
        token: {
          ...auth.token,
          token: token.accessToken,
          refreshToken: token.refreshToken ?? auth.token?.refreshToken,
        },
      },
    },
  };
}

/** Every text that must never be read by a person: what is under `encrypted`, and the credentials under `auth`. */
function secretsOf(document: JsonRecord): string[] {
  const http = document['http'] as JsonRecord | undefined;
  const auth = http?.['auth'] as JsonRecord | undefined;
  const basic = auth?.['basic'] as JsonRecord | undefined;
  const secrets: string[] = [];
  collectTexts(http?.['encrypted'], secrets);
  collectTexts(http?.['clientCertificates'], secrets);
  collectTexts(basic?.['password'], secrets);
  if (basic !== undefined) secrets.push(basicPair(basic));
  for (const part of ['token', 'oauth', 'jwt']) {
    const values = auth?.[part] as JsonRecord | undefined;
    for (const name of ['token', 'refreshToken', 'clientSecret', 'password', 'secret', 'privateKey']) {
      collectTexts(values?.[name], secrets);
    }
  }
  return secrets;
}

function basicPair(basic: JsonRecord): string {
  const part = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');
  return `${part(basic['username'])}:${part(basic['password'])}`;
}

function collectTexts(value: JsonValue | undefined, into: string[]): void {
  if (typeof value === 'string') into.push(value);
  else if (typeof value === 'object' && value !== null)
    for (const inner of Object.values(value)) collectTexts(inner, into);
}

function tlsOf(document: StoredConnection, http: HttpSettings): TlsOptions | null {
  const certificates = { ...document.ssl, ...http.clientCertificates };
  const options: ConnectionOptions = {};
  if (http.disableStrictSSL) options.rejectUnauthorized = false;
  if (certificates.ca) options.ca = certificates.ca;
  if (certificates.cert) options.cert = certificates.cert;
  if (certificates.key) options.key = certificates.key;
  if (certificates.passphrase) options.passphrase = certificates.passphrase;
  if (certificates.pfx) options.pfx = Buffer.from(certificates.pfx, 'base64');
  if (Object.keys(options).length === 0) return null;
  const key = createHash('sha256')
    .update(JSON.stringify([http.disableStrictSSL ?? false, certificates]))
    .digest('base64url');
  return { key, options };
}
