import { createHash, createHmac } from 'node:crypto';
import type { SignedRequest } from '../template.js';

/** What a signature is made with; empty texts stand for what is not given. */
export interface Aws4Settings {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken: string;
  /** Empty: that of the address. */
  readonly region: string;
  /** Empty: that of the address. */
  readonly service: string;
}

const algorithm = 'AWS4-HMAC-SHA256';
const tokenHeader = 'x-amz-security-token';

/**
 * AWS Signature Version 4: the value of the `Authorization` header. Host, content type and all `x-amz-…` headers are signed;
 * the caller sets `X-Amz-Date`, and `X-Amz-Security-Token` where there is a session token. Reference: handlebars §4.7.
 *
 * @throws Error when the date is missing or malformed
 */
export function signAws4(request: SignedRequest, settings: Aws4Settings): string {
  const signed = signedHeaders(request, settings);
  const date = signed.get('x-amz-date') ?? '';
  if (!/^\d{8}T\d{6}Z$/.test(date)) {
    throw new Error('aws4: the request needs the header X-Amz-Date, for example 20250327T000000Z.');
  }
  const address = endpoint(request.url.hostname);
  const region = settings.region || address.region;
  const service = settings.service || address.service;
  const scope = `${date.slice(0, 8)}/${region}/${service}/aws4_request`;
  const canonical = canonicalRequest(request, signed, service);
  const key = [region, service, 'aws4_request'].reduce(hmac, hmac(`AWS4${settings.secretKey}`, date.slice(0, 8)));
  const signature = hmac(key, `${algorithm}\n${date}\n${scope}\n${sha256(canonical)}`).toString('hex');
  const names = [...signed.keys()].join(';');
  return `${algorithm} Credential=${settings.accessKey}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
}

/** By name in lower case, sorted. */
function signedHeaders(request: SignedRequest, { sessionToken }: Aws4Settings): ReadonlyMap<string, string> {
  const headers: [string, string][] = [['host', request.url.host]];
  if (sessionToken !== '') headers.push([tokenHeader, sessionToken]);
  for (const [name, value] of Object.entries(request.headers)) {
    const lower = name.toLowerCase();
    if (lower === 'content-type' || (lower.startsWith('x-amz-') && lower !== tokenHeader)) {
      headers.push([lower, value.trim().replace(/ +/g, ' ')]);
    }
    if (lower === tokenHeader && sessionToken === '') headers.push([lower, value.trim()]);
  }
  return new Map(headers.sort(byName));
}

function canonicalRequest(request: SignedRequest, signed: ReadonlyMap<string, string>, service: string): string {
  const { url } = request;
  const path = service === 's3' ? url.pathname : url.pathname.split('/').map(encode).join('/');
  const query = [...url.searchParams]
    .map(([name, value]): [string, string] => [encode(name), encode(value)])
    .sort((a, b) => byName(a, b) || (a[1] < b[1] ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
  const headers = [...signed].map(([name, value]) => `${name}:${value}\n`).join('');
  const payload = signed.get('x-amz-content-sha256') ?? sha256(request.body);
  return [request.method, path, query, headers, [...signed.keys()].join(';'), payload].join('\n');
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Percent-encodes all but the unreserved characters of RFC 3986. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Region of services that have none, and of hosts that name none. */
const globalRegion = 'us-east-1';

/** `<service>.<region>.amazonaws.com`, with anything before it; some services have other names than hosts, or swap both. */
function endpoint(host: string): { readonly service: string; readonly region: string } {
  const labels = host.replace(/\.amazonaws\.com(?:\.cn)?$/, '').split('.');
  const last = labels.at(-1) ?? '';
  const region = /^[a-z]{2}(?:-[a-z]+)+-\d$/;
  if (region.test(last)) return { region: last, service: serviceOf(labels.at(-2) ?? '') };
  const beforeLast = labels.at(-2) ?? '';
  if (region.test(beforeLast)) return { region: beforeLast, service: serviceOf(last) };
  return { region: globalRegion, service: serviceOf(last) };
}

function serviceOf(label: string): string {
  return label === 'email' ? 'ses' : label;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
