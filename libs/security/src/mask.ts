/** What stands for a secret wherever a person may read. Reference: resources §1.7. */
export const MASK = '******';

const SENSITIVE_NAME =
  /authori[sz]ation|cookie|token|secret|passw|pwd|passphrase|api[-_]?key|access[-_]?key|private[-_]?key|client[-_]?key|subscription[-_]?key|signature|credential|session|^x-wsse$|^sig$|^auth$|^key$|^code$/i;
/** Never secret, although the pattern above would say so. */
const HARMLESS_NAME =
  /^(idempotency-key|content-.*|next.?page.?token|page.?token|continuation.?token|sec-websocket-.*)$/i;

/** Whether a header, query parameter or field of this name usually holds a secret. */
export function isSensitiveName(name: string): boolean {
  return SENSITIVE_NAME.test(name) && !HARMLESS_NAME.test(name);
}

/** Shortest text that is searched for as a secret: shorter ones would blank out ordinary words and numbers. */
const SHORTEST_SECRET = 4;

/**
 * Removes known secrets, and what looks like one by its name, from texts that leave the process: stored exchanges,
 * messages, logs. Built once per connection from its opened secrets.
 */
export class Redactor {
  readonly #known: RegExp | null;

  constructor(secrets: Iterable<string>) {
    const forms = new Set<string>();
    for (const secret of secrets) {
      if (secret.length < SHORTEST_SECRET) continue;
      for (const form of writtenForms(secret)) forms.add(form);
    }
    // Longest first, so that a secret which contains another disappears whole.
    const alternatives = [...forms].sort((a, b) => b.length - a.length).map((form) => escapeRegExp(form));
    this.#known = alternatives.length === 0 ? null : new RegExp(alternatives.join('|'), 'g');
  }

  text(text: string): string {
    return this.#known === null ? text : text.replace(this.#known, MASK);
  }

  /** Credentials in the authority and parameters with telling names are masked; the rest stays readable. */
  url(url: string): string {
    const withoutUser = url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#@]*@/i, `$1${MASK}@`);
    const masked = withoutUser.replace(/([?&;])([^=&;#]+)=([^&;#]*)/g, (whole, mark: string, name: string) =>
      isSensitiveName(decode(name)) ? `${mark}${name}=${MASK}` : whole,
    );
    return this.text(masked);
  }

  headers(headers: Readonly<Record<string, string | readonly string[] | undefined>>): Record<string, string> {
    const masked: Record<string, string> = {};
    for (const [name, value] of Object.entries(headers)) {
      if (value === undefined) continue;
      const text = typeof value === 'string' ? value : value.join(', ');
      Object.defineProperty(masked, name, {
        value: isSensitiveName(name) ? MASK : this.text(text),
        enumerable: true,
        writable: true,
        configurable: true,
      });
    }
    return masked;
  }

  /**
   * A body as it may be stored: known secrets gone, then cut.
   *
   * @param maxBytes UTF-8 bytes that remain at most; a character is never split
   */
  body(body: string | Uint8Array, maxBytes: number): string {
    // Cut after masking, but look at no more than needed: a body may be megabytes.
    const slack = maxBytes * 2 + 1024;
    const head =
      typeof body === 'string'
        ? body.slice(0, slack)
        : Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, slack)).toString('utf8');
    return cutUtf8(this.text(head), maxBytes);
  }
}

/** Masks by name only; for texts without a connection. */
export const anonymousRedactor = new Redactor([]);

/** Cuts a text to a number of UTF-8 bytes without splitting a character. */
export function cutUtf8(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}

/** A secret as it appears in headers, URLs, forms and JSON. */
function writtenForms(secret: string): string[] {
  const encoded = encodeURIComponent(secret.toWellFormed());
  return [
    secret,
    encoded,
    encoded.replaceAll('%20', '+'),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret, 'utf8').toString('base64'),
    Buffer.from(secret, 'utf8').toString('base64url'),
  ];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a malformed escape is compared as it stands
  }
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
