import { mapAt, type PathPattern, valueAt } from './paths.js';

/** What a secret reads back as. Reference: resources §1.7. */
export const mask = '******';

/** The document as clients see it: every secret masked. */
export function masked<T>(document: T, secrets: readonly PathPattern[]): T {
  return mapAt(document, secrets, () => mask);
}

/** Secrets that a client sent back masked become the stored ones; one that was never stored is dropped. */
export function withStoredSecrets<T>(document: T, stored: unknown, secrets: readonly PathPattern[]): T {
  return mapAt(document, secrets, (value, path) => (value === mask ? valueAt(stored, path) : value));
}

/**
 * Seals every secret of a client's document; masked ones are left for {@link withStoredSecrets}, to be called next.
 *
 * @param seal binds the sealed text to the field's path; its plaintext is the JSON of the value
 */
export function sealSecrets<T>(
  document: T,
  secrets: readonly PathPattern[],
  seal: (plaintext: string, field: string) => string,
): T {
  return mapAt(document, secrets, (value, field) => (value === mask ? value : seal(JSON.stringify(value), field)));
}

/**
 * The reverse of {@link sealSecrets}.
 *
 * @param open null for a text that was never sealed: the value stays as it is
 */
export function openSecrets<T>(
  document: T,
  secrets: readonly PathPattern[],
  open: (sealed: string, field: string) => string | null,
): T {
  return mapAt(document, secrets, (value, field): unknown => {
    const opened = typeof value === 'string' ? open(value, field) : null;
    return opened === null ? value : (JSON.parse(opened) as unknown);
  });
}
