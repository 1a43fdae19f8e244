import type { Failure } from '#failures';
import { compileExtract } from '#engine/paths/index';
import type { Connection } from '#model';
import { connectorCodes as codes } from '../codes.js';
import type { OAuthToken } from '../ports.js';
import { decodeText } from './body.js';
import type { HttpRequest } from './request.js';
import { parseHttpUrl } from './request.js';
import type { Answer } from './wire.js';

type Http = NonNullable<Connection['http']>;

/** Renders a template of the connection over its own context. */
export type RenderField = (
  text: string,
  target: 'uri' | 'json' | 'text' | 'header',
  purpose: string,
) => string | Failure;

/** A request for a token: its parts are the connection's own, so it goes wherever the connection says. */
export type TokenRequest = { readonly request: HttpRequest } | { readonly failure: Failure };

/**
 * The request that gets a new token: a refresh token when there is one, else the grant itself, or the connection's own
 * refresh request. Reference: resources §6.4, decision 17.
 *
 * @param refreshToken the current one, if any
 */
export function buildTokenRequest(
  http: Http,
  refreshToken: string | undefined,
  render: RenderField,
  baseUri: string,
): TokenRequest {
  return http.auth?.type === 'oauth' ? oauthRequest(http, refreshToken, render) : refreshRequest(http, render, baseUri);
}

function oauthRequest(http: Http, refreshToken: string | undefined, render: RenderField): TokenRequest {
  const oauth = http.auth?.oauth ?? {};
  const rendered = render(oauth.tokenURI ?? '', 'uri', 'token URI');
  if (typeof rendered !== 'string') return { failure: rendered };
  const url = parseHttpUrl(rendered);
  if (url === null) return misconfigured('http.auth.oauth.tokenURI is not an absolute URL.');

  const grant = oauth.grantType ?? 'authorizecode';
  const form = new URLSearchParams();
  if (refreshToken !== undefined && grant !== 'clientcredentials') {
    form.set('grant_type', 'refresh_token');
    form.set('refresh_token', refreshToken);
  } else if (grant === 'clientcredentials') {
    form.set('grant_type', 'client_credentials');
    setScope(form, oauth);
  } else if (grant === 'password') {
    form.set('grant_type', 'password');
    form.set('username', oauth.username ?? '');
    form.set('password', oauth.password ?? '');
    setScope(form, oauth);
  } else {
    return misconfigured('The connection has no refresh token: a person has to authorize it.');
  }

  const headers = ['content-type', 'application/x-www-form-urlencoded', 'accept', 'application/json'];
  const clientId = oauth.clientId ?? '';
  const clientSecret = oauth.clientSecret ?? '';
  if (oauth.clientCredentialsLocation === 'body') {
    form.set('client_id', clientId);
    form.set('client_secret', clientSecret);
  } else {
    // RFC 6749 §2.3.1: id and secret are form-encoded before they become Basic credentials.
    const pair = `${formEncode(clientId)}:${formEncode(clientSecret)}`;
    headers.push('authorization', `Basic ${Buffer.from(pair).toString('base64')}`);
  }
  const extra = renderHeaders(oauth.accessTokenHeaders, render);
  if ('failure' in extra) return extra;
  headers.push(...extra.headers);
  if (oauth.accessTokenBody) {
    const more = render(oauth.accessTokenBody, 'text', 'access token body');
    if (typeof more !== 'string') return { failure: more };
    for (const [name, value] of new URLSearchParams(more)) form.set(name, value);
  }
  return { request: { method: 'POST', url, headers, body: form.toString(), secretBody: true } };
}

function refreshRequest(http: Http, render: RenderField, baseUri: string): TokenRequest {
  const token = http.auth?.token ?? {};
  const relative = render(token.refreshRelativeURI ?? '', 'uri', 'token refresh URI');
  if (typeof relative !== 'string') return { failure: relative };
  const url = parseHttpUrl(/^https?:\/\//i.test(relative) ? relative : joinUri(baseUri, relative));
  if (url === null) return misconfigured('http.auth.token.refreshRelativeURI gives no URL.');

  const method = token.refreshMethod ?? 'POST';
  const media = token.refreshMediaType ?? 'urlencoded';
  const headers = ['accept', 'application/json'];
  let body: string | null = null;
  if (method !== 'GET') {
    headers.push('content-type', CONTENT_TYPES[media]);
    const rendered = token.refreshBody
      ? render(token.refreshBody, media === 'json' ? 'json' : 'text', 'token refresh body')
      : '';
    if (typeof rendered !== 'string') return { failure: rendered };
    body = rendered;
  }
  const extra = renderHeaders(token.refreshHeaders, render);
  if ('failure' in extra) return extra;
  headers.push(...extra.headers);
  return { request: { method, url, headers, body, secretBody: true } };
}

const CONTENT_TYPES = {
  json: 'application/json',
  urlencoded: 'application/x-www-form-urlencoded',
  xml: 'application/xml',
  plaintext: 'text/plain',
} as const;

function renderHeaders(
  templates: readonly { name: string; value?: string }[] | undefined,
  render: RenderField,
): { headers: string[] } | { failure: Failure } {
  const headers: string[] = [];
  for (const { name, value } of templates ?? []) {
    const rendered = render(value ?? '', 'header', `header ${name}`);
    if (typeof rendered !== 'string') return { failure: rendered };
    headers.push(name, rendered);
  }
  return { headers };
}

/** The token in a 2xx answer to a token request. */
export function readToken(
  http: Http,
  answer: Answer,
  previousRefreshToken: string | undefined,
  nowMs: number,
): Omit<OAuthToken, 'version'> | Failure {
  let body: unknown;
  try {
    body = JSON.parse(decodeText(answer.body, String(answer.headers['content-type'] ?? '')));
  } catch {
    return failed('The answer to the token request is not JSON.');
  }
  const isOAuth = http.auth?.type === 'oauth';
  const paths = isOAuth
    ? [http.auth?.oauth?.accessTokenPath ?? 'access_token']
    : [
        ...(http.auth?.token?.refreshTokenPath ? [http.auth.token.refreshTokenPath] : []),
        ...(http.auth?.token?.tokenPaths ?? []),
        'access_token',
        'token',
      ];
  const accessToken = firstText(body, paths);
  if (accessToken === undefined) return failed(`The answer to the token request has no token at ${paths[0]}.`);
  const refreshToken = firstText(body, ['refresh_token']) ?? previousRefreshToken;
  const expiresIn = Number(firstText(body, ['expires_in']));
  return {
    accessToken,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(expiresIn > 0 ? { expiresAt: new Date(nowMs + expiresIn * 1000).toISOString() } : {}),
  };
}

function firstText(body: unknown, paths: readonly string[]): string | undefined {
  for (const path of paths) {
    const value = compileExtract(path)?.(body);
    if (typeof value === 'string' && value !== '') return value;
    if (typeof value === 'number') return String(value);
  }
  return undefined;
}

function setScope(form: URLSearchParams, oauth: { scope?: readonly string[]; scopeDelimiter?: string }): void {
  if (oauth.scope && oauth.scope.length > 0) form.set('scope', oauth.scope.join(oauth.scopeDelimiter ?? ' '));
}

function formEncode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}

/** Joins a base and a relative URI with exactly one slash; a query goes right behind the base. */
export function joinUri(base: string, relative: string): string {
  if (relative === '') return base;
  const trimmed = base.endsWith('/') ? base.slice(0, -1) : base;
  const first = relative[0];
  return first === '/' || first === '?' ? trimmed + relative : `${trimmed}/${relative}`;
}

function misconfigured(message: string): { failure: Failure } {
  return { failure: failed(message) };
}

function failed(message: string): Failure {
  return { code: codes.authentication_failed.code, message, source: 'connection', classification: 'connection' };
}
