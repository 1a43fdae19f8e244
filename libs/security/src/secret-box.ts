import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { keysOf, SecretBoxError } from './keyring.js';

export { SecretBoxError };

const VERSION = 'mr1';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SEALED = /^mr1:([A-Za-z0-9._-]{1,64}):([A-Za-z0-9_-]{16}):([A-Za-z0-9_-]{22,})$/;

/** Where a secret lives. A sealed text copied to any other place does not open there. */
export interface SecretPlace {
  readonly accountId: string;
  readonly resourceId: string;
  /** Path of the field in its document, e.g. `http.auth.token.token`. */
  readonly field: string;
}

/**
 * Seals secrets at rest: AES-256-GCM with a random 96-bit nonce, bound to its {@link SecretPlace} as additional data.
 * Text form: `mr1:<key id>:<nonce>:<cipher text and tag>`, the last two in base64url.
 *
 * Rotation: put the new key first in the keyring, restart, re-seal whatever {@link needsReseal}, then drop the old key.
 */
export class SecretBox {
  readonly #keys: ReadonlyMap<string, Buffer>;
  readonly #currentId: string;

  private constructor(keys: ReadonlyMap<string, Buffer>, currentId: string) {
    this.#keys = keys;
    this.#currentId = currentId;
  }

  /**
   * @param keyring `id:base64,id:base64` (`MILLRACE_ENCRYPTION_KEYS`); each key 32 bytes; the first one seals
   * @throws SecretBoxError when the keyring is empty or malformed; the message names the entry, never the key
   */
  static fromKeyring(keyring: string): SecretBox {
    const { keys, currentId } = keysOf(keyring);
    return new SecretBox(keys, currentId);
  }

  /** A new random key in the keyring's own form, for first starts and rotation. */
  static createKey(id: string): string {
    return `${id}:${randomBytes(KEY_BYTES).toString('base64')}`;
  }

  /** Whether a text has the sealed form. Says nothing about whether it opens. */
  static isSealed(text: string): boolean {
    return SEALED.test(text);
  }

  seal(secret: string, place: SecretPlace): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#keys.get(this.#currentId)!, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(additionalData(place));
    const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `${VERSION}:${this.#currentId}:${nonce.toString('base64url')}:${sealed.toString('base64url')}`;
  }

  /** @throws SecretBoxError when the text was not sealed by this keyring for this place */
  open(text: string, place: SecretPlace): string {
    const parts = SEALED.exec(text);
    if (!parts) throw new SecretBoxError('The text is not a sealed secret.');
    const [, keyId = '', nonce = '', body = ''] = parts;
    const key = this.#keys.get(keyId);
    if (!key) throw new SecretBoxError(`The secret was sealed with key ${keyId}, which the keyring does not hold.`);
    const bytes = Buffer.from(body, 'base64url');
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64url'), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(additionalData(place));
    decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
    try {
      return decipher.update(bytes.subarray(0, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
    } catch (cause) {
      throw new SecretBoxError('The secret was altered, or sealed for another place.', { cause });
    }
  }

  /** True for a text sealed with a key that is no longer the first one. */
  needsReseal(text: string): boolean {
    const parts = SEALED.exec(text);
    return parts !== null && parts[1] !== this.#currentId;
  }
}

/** JSON of an array is unambiguous, so no two places can share their additional data. */
function additionalData(place: SecretPlace): Buffer {
  return Buffer.from(JSON.stringify([VERSION, place.accountId, place.resourceId, place.field]), 'utf8');
}
