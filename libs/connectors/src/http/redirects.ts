import { connectorCodes as codes } from '../codes.js';
import type { NetworkFailure } from '../network-failure.js';
import { harmlessHeaders, type HttpRequest, parseHttpUrl, withoutHeaders } from './request.js';
import type { Answer } from './wire.js';

export interface RedirectPolicy {
  readonly follow: boolean;
  /** 1–10, default 5 (decision 13). */
  readonly max: number;
  /** `auth.skipFollowAuthorizationHeader`: Authorization stays behind even within the origin. */
  readonly dropAuthorization: boolean;
}

const BODY_HEADERS = new Set(['content-type', 'content-encoding', 'content-length', 'idempotency-key']);
const AUTHORIZATION = new Set(['authorization']);

export type NextHop = { readonly request: HttpRequest } | { readonly network: NetworkFailure };

/**
 * The request that a redirect asks for; null when the answer is no redirect, or redirects are not followed. Credentials never
 * reach another origin (decision 13); 303, and 301 or 302 after a POST, turn into GET (RFC 9110 §15.4).
 *
 * @param hops redirects followed so far
 */
export function nextHop(request: HttpRequest, answer: Answer, policy: RedirectPolicy, hops: number): NextHop | null {
  const { status } = answer;
  if (status < 301 || status > 308 || (status > 303 && status < 307) || !policy.follow) return null;
  const location = answer.headers['location'];
  if (typeof location !== 'string') return null;
  if (hops >= policy.max) {
    return refuse(codes.too_many_redirects.code, `${request.url.host} redirects more than ${policy.max} times.`);
  }
  const url = parseHttpUrl(location, request.url);
  if (url === null)
    return refuse(codes.invalid_url.code, `${request.url.host} redirects to an address that is no http URL.`);

  const toGet =
    (status === 303 && request.method !== 'GET' && request.method !== 'HEAD') ||
    (status < 303 && request.method === 'POST');
  const body = toGet ? null : request.body;
  const leaves = url.origin !== request.url.origin;
  if (leaves && body !== null && request.secretBody) {
    return refuse(
      codes.redirect_refused.code,
      `${request.url.host} redirects a request with credentials to ${url.host}.`,
    );
  }
  let headers = leaves
    ? harmlessHeaders(request.headers)
    : policy.dropAuthorization
      ? withoutHeaders(request.headers, AUTHORIZATION)
      : request.headers;
  if (toGet) headers = withoutHeaders(headers, BODY_HEADERS);
  return {
    request: {
      method: toGet ? 'GET' : request.method,
      url,
      headers,
      body,
      secretBody: body !== null && request.secretBody,
    },
  };
}

function refuse(code: string, message: string): NextHop {
  return { network: { failure: { code, message, source: 'application' }, effect: 'unknown', transient: false } };
}
