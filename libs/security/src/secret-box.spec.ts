import { describe, expect, it } from '@jest/globals';
import { SecretBox, SecretBoxError, type SecretPlace } from './secret-box.js';

const place: SecretPlace = { accountId: 'a1', resourceId: 'c1', field: 'http.auth.basic.password' };
const oldKey = SecretBox.createKey('2025');
const newKey = SecretBox.createKey('2026');

describe('SecretBox', () => {
  const box = SecretBox.fromKeyring(newKey);

  it.each(['hunter2', '', 'пароль 🔑', 'x'.repeat(100_000)])('opens what it sealed (%#)', (secret) => {
    expect(box.open(box.seal(secret, place), place)).toBe(secret);
  });

  it('writes version, key id, nonce and cipher text, and never the secret', () => {
    const sealed = box.seal('hunter2', place);
    expect(sealed).toMatch(/^mr1:2026:[\w-]{16}:[\w-]+$/);
    expect(sealed).not.toContain('hunter2');
    expect(SecretBox.isSealed(sealed)).toBe(true);
    expect(SecretBox.isSealed('hunter2')).toBe(false);
  });

  it('seals the same secret differently each time', () => {
    expect(box.seal('s', place)).not.toBe(box.seal('s', place));
  });

  it.each<[string, SecretPlace]>([
    ['account', { ...place, accountId: 'a2' }],
    ['resource', { ...place, resourceId: 'c2' }],
    ['field', { ...place, field: 'http.auth.basic.username' }],
    ['border between two parts', { accountId: 'a', resourceId: '1c1', field: place.field }],
  ])('refuses to open under another %s', (_what, other) => {
    const sealed = box.seal('hunter2', place);
    expect(() => box.open(sealed, other)).toThrow(SecretBoxError);
  });

  it('refuses an altered text', () => {
    const sealed = box.seal('hunter2', place);
    const flipped = sealed.slice(0, -2) + (sealed.at(-2) === 'A' ? 'B' : 'A') + sealed.slice(-1);
    expect(() => box.open(flipped, place)).toThrow(SecretBoxError);
    expect(() => box.open('mr1:2026:short:x', place)).toThrow(SecretBoxError);
    expect(() => box.open('plain', place)).toThrow('not a sealed secret');
  });

  it('rotates: the first key seals, all keys open', () => {
    const before = SecretBox.fromKeyring(oldKey);
    const during = SecretBox.fromKeyring(`${newKey},${oldKey}`);
    const after = SecretBox.fromKeyring(newKey);
    const sealed = before.seal('hunter2', place);

    expect(during.open(sealed, place)).toBe('hunter2');
    expect(during.needsReseal(sealed)).toBe(true);
    const resealed = during.seal(during.open(sealed, place), place);
    expect(during.needsReseal(resealed)).toBe(false);
    expect(after.open(resealed, place)).toBe('hunter2');
    expect(() => after.open(sealed, place)).toThrow('key 2025');
  });

  it.each([
    ['', 'empty'],
    [' , ', 'empty'],
    ['nokey', 'Entry 1'],
    [`${newKey},:abc`, 'Entry 2'],
    ['k:c2hvcnQ=', 'Key k of the keyring has 5 bytes'],
    [`${newKey},${newKey}`, 'two keys called 2026'],
  ])('refuses the keyring %#', (keyring, message) => {
    expect(() => SecretBox.fromKeyring(keyring)).toThrow(message);
  });

  it('never repeats a key in a message about it', () => {
    const short = Buffer.from('topsecret').toString('base64');
    expect(() => SecretBox.fromKeyring(`k:${short}`)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining(short) }),
    );
  });
});
