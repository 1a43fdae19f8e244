import type { Connection } from '#model';
import type { OAuthToken } from '../ports.js';

type Http = NonNullable<Connection['http']>;

/** Where the token of a connection goes, and how it looks there. */
interface TokenPlacement {
  readonly location: 'header' | 'url' | 'body';
  /** Name of the header or of the parameter. */
  readonly name: string;
  readonly scheme: string;
}

/** A request while credentials are being added to it. */
export interface Draft {
  url: URL;
  readonly headers: string[];
  body: string | null;
  secretBody: boolean;
}

/** How requests of a connection prove who they are. Compiled once per connection. */
export interface Authenticator {
  /** True when a stale token can be replaced by asking for a new one. */
  readonly refreshable: boolean;
  /** Adds credentials to a request of the connection's own origin; a message when the request has no place for them. */
  apply(draft: Draft, token: OAuthToken | null): string | null;
}

/** Authentication types of the API we follow that are refused here, by name. Reference: resources §6.4. */
const UNSUPPORTED = new Set(['wsse', 'cookie', 'jwt', 'digest', 'specific', 'oauth1', 'jwtbearer', 'awsiam']);

/** @returns null for a type that is not supported */
export function compileAuthenticator(http: Http): Authenticator | null {
  const type = http.auth?.type ?? 'custom';
  if (UNSUPPORTED.has(type)) return null;
  if (type === 'basic') return basic(http.auth?.basic?.username ?? '', http.auth?.basic?.password ?? '');
  if (type === 'token' || type === 'oauth') return tokenAuthenticator(http);
  return { refreshable: canRefresh(http), apply: () => null };
}

/** Whether there is a way to get a new token: an OAuth grant, or a refresh request. */
export function canRefresh(http: Http): boolean {
  const { auth } = http;
  return auth?.type === 'oauth' ? Boolean(auth.oauth?.tokenURI) : Boolean(auth?.token?.refreshRelativeURI);
}

function basic(username: string, password: string): Authenticator {
  const value = `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
  return {
    refreshable: false,
    apply: (draft) => {
      setHeader(draft.headers, 'authorization', value);
      return null;
    },
  };
}

function tokenAuthenticator(http: Http): Authenticator {
  const placement = placementOf(http);
  const fixed = http.auth?.token?.token;
  return {
    refreshable: canRefresh(http),
    apply: (draft, token) => {
      const value = token?.accessToken ?? fixed;
      return value === undefined || value === '' ? null : place(draft, placement, value);
    },
  };
}

function placementOf(http: Http): TokenPlacement {
  const token = http.auth?.token;
  const location = token?.location ?? 'header';
  return {
    location,
    name: location === 'header' ? (token?.headerName ?? 'Authorization') : (token?.paramName ?? 'access_token'),
    scheme: token?.scheme ?? 'Bearer',
  };
}

function place(draft: Draft, placement: TokenPlacement, value: string): string | null {
  if (placement.location === 'header') {
    const scheme = placement.scheme.trim();
    setHeader(draft.headers, placement.name, scheme === '' ? value : `${scheme} ${value}`);
    return null;
  }
  if (placement.location === 'url') {
    draft.url = new URL(draft.url); // the URL of a constant address is shared between requests
    draft.url.searchParams.set(placement.name, value);
    return null;
  }
  return placeInBody(draft, placement.name, value);
}

function placeInBody(draft: Draft, name: string, value: string): string | null {
  const contentType = headerOf(draft.headers, 'content-type') ?? '';
  const body = draft.body ?? '';
  if (contentType.includes('x-www-form-urlencoded')) {
    const parameter = `${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
    draft.body = body === '' ? parameter : `${body}&${parameter}`;
  } else {
    const text = body.trimStart();
    if (text !== '' && !text.startsWith('{'))
      return 'The token belongs into the body, which is neither a JSON object nor a form.';
    const rest = text === '' ? '}' : text.slice(1);
    const separator = rest.trimStart().startsWith('}') ? '' : ',';
    draft.body = `{${JSON.stringify(name)}:${JSON.stringify(value)}${separator}${rest}`;
  }
  draft.secretBody = true;
  return null;
}

/** Replaces a header, or adds it. */
export function setHeader(headers: string[], name: string, value: string): void {
  const wanted = name.toLowerCase();
  for (let at = 0; at + 1 < headers.length; at += 2) {
    if (headers[at]!.toLowerCase() === wanted) {
      headers[at + 1] = value;
      return;
    }
  }
  headers.push(name, value);
}

export function headerOf(headers: readonly string[], name: string): string | undefined {
  for (let at = 0; at + 1 < headers.length; at += 2) {
    if (headers[at]!.toLowerCase() === name) return headers[at + 1];
  }
  return undefined;
}
