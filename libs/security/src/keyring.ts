const KEY_BYTES = 32;

/** A sealed text that cannot be opened, or a keyring that is none. Says nothing about the content. */
export class SecretBoxError extends Error {
  override readonly name = 'SecretBoxError';
}

/**
 * @param keyring `id:base64,id:base64` (`MILLRACE_ENCRYPTION_KEYS`); each key 32 bytes; the first one is current
 * @throws SecretBoxError when the keyring is empty or malformed; the message names the entry, never the key
 */
export function keysOf(keyring: string): { readonly keys: ReadonlyMap<string, Buffer>; readonly currentId: string } {
  const keys = new Map<string, Buffer>();
  let currentId: string | undefined;
  for (const [position, entry] of keyring.split(',').entries()) {
    const trimmed = entry.trim();
    if (trimmed === '') continue;
    const colon = trimmed.indexOf(':');
    const id = colon < 0 ? '' : trimmed.slice(0, colon);
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(id)) {
      throw new SecretBoxError(`Entry ${position + 1} of the keyring is not of the form id:base64.`);
    }
    if (keys.has(id)) throw new SecretBoxError(`The keyring has two keys called ${id}.`);
    const key = Buffer.from(trimmed.slice(colon + 1), 'base64');
    if (key.length !== KEY_BYTES) {
      throw new SecretBoxError(`Key ${id} of the keyring has ${key.length} bytes instead of ${KEY_BYTES}.`);
    }
    keys.set(id, key);
    currentId ??= id;
  }
  if (currentId === undefined) throw new SecretBoxError('The keyring is empty.');
  return { keys, currentId };
}
