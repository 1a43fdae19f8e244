/** A request ready for the wire, still whole: what a redirect or a repeat needs. */
export interface HttpRequest {
  readonly method: string;
  /** Absolute, http or https. */
  readonly url: URL;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: string | null;
  /** True when the body carries a token, which must not follow a redirect to another origin. */
  readonly secretBody: boolean;
}

/** @returns null when the text is no http or https URL */
export function parseHttpUrl(text: string, base?: URL): URL | null {
  const url = URL.parse(text, base);
  return url !== null && (url.protocol === 'https:' || url.protocol === 'http:') ? url : null;
}

/**
 * Headers that may go to an origin other than the connection's. A list of what is harmless, because credentials travel in
 * headers of any name.
 */
const HARMLESS = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'content-type',
  'content-encoding',
  'idempotency-key',
  'user-agent',
  'traceparent',
]);

export function harmlessHeaders(headers: readonly string[]): string[] {
  return keepHeaders(headers, (name) => HARMLESS.has(name));
}

export function withoutHeaders(headers: readonly string[], names: ReadonlySet<string>): string[] {
  return keepHeaders(headers, (name) => !names.has(name));
}

function keepHeaders(headers: readonly string[], keep: (name: string) => boolean): string[] {
  const kept: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    if (keep(headers[at]!.toLowerCase())) kept.push(headers[at]!, headers[at + 1]!);
  }
  return kept;
}

/** For stored exchanges; a repeated name keeps its last value. */
export function headersToRecord(headers: readonly string[]): Record<string, string> {
  const entries: [string, string][] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) entries.push([headers[at]!, headers[at + 1]!]);
  return Object.fromEntries(entries);
}
