import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Bytes of entropy in a bearer token: 256 bits, so that a plain digest of it cannot be guessed backwards. */
const TOKEN_BYTES = 32;

/**
 * Makes a bearer token, shown to its owner once and never stored.
 *
 * @param prefix lets people and secret scanners recognise a leaked token; letters and digits only
 * @returns `<prefix>_` and 43 characters of base64url
 */
export function createToken(prefix = 'mr'): string {
  return `${prefix}_${randomBytes(TOKEN_BYTES).toString('base64url')}`;
}

/**
 * The form in which a token is stored and looked up: SHA-256, 64 hex digits. No salt or work factor, because the input
 * is 256 random bits; do not use this for passwords.
 */
export function hashToken(token: string): string {
  return createHash('sha256').update(token, 'utf8').digest('hex');
}

/** Compares two texts in a time that does not depend on where, or whether, they differ in content or length. */
export function equalInConstantTime(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}

/** Whether a presented token is the one whose {@link hashToken} was stored. */
export function matchesTokenHash(token: string, storedHash: string): boolean {
  return equalInConstantTime(hashToken(token), storedHash);
}
