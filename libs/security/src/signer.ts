import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { keysOf } from './keyring.js';

const KEY_BYTES = 32;
const SIGNATURE = /^([A-Za-z0-9._-]{1,64}):([A-Za-z0-9_-]{43})$/;

/**
 * Signs what clients keep for us and hand back: HMAC-SHA256, with keys derived from those of the keyring for one purpose,
 * so that a signature made for one cannot serve another. Text form: `<key id>:<base64url>`.
 */
export class Signer {
  readonly #keys: ReadonlyMap<string, Buffer>;
  readonly #currentId: string;

  private constructor(keys: ReadonlyMap<string, Buffer>, currentId: string) {
    this.#keys = keys;
    this.#currentId = currentId;
  }

  /**
   * @param keyring as of {@link import('./secret-box.js').SecretBox}; the first key signs, all verify
   * @throws SecretBoxError for a keyring that is empty or malformed
   */
  static fromKeyring(keyring: string, purpose: string): Signer {
    const { keys, currentId } = keysOf(keyring);
    const derived = new Map<string, Buffer>();
    for (const [id, key] of keys) derived.set(id, Buffer.from(hkdfSync('sha256', key, '', purpose, KEY_BYTES)));
    return new Signer(derived, currentId);
  }

  /** @param parts what is signed; no two lists of parts have the same signature */
  sign(parts: readonly string[]): string {
    return `${this.#currentId}:${this.#mac(this.#keys.get(this.#currentId)!, parts).toString('base64url')}`;
  }

  /** Whether this keyring signed these parts, in constant time. */
  isValid(signature: string, parts: readonly string[]): boolean {
    const [, keyId = '', mac = ''] = SIGNATURE.exec(signature) ?? [];
    const key = this.#keys.get(keyId);
    return key !== undefined && timingSafeEqual(Buffer.from(mac, 'base64url'), this.#mac(key, parts));
  }

  #mac(key: Buffer, parts: readonly string[]): Buffer {
    return createHmac('sha256', key).update(JSON.stringify(parts)).digest();
  }
}
