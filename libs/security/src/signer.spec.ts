import { describe, expect, it } from '@jest/globals';
import { SecretBox } from './secret-box.js';
import { Signer } from './signer.js';

const [first, second] = [SecretBox.createKey('k1'), SecretBox.createKey('k2')];
const signer = Signer.fromKeyring(first, 'states');

describe('a signer', () => {
  it('knows what it signed', () => {
    expect(signer.isValid(signer.sign(['account', 'state']), ['account', 'state'])).toBe(true);
  });

  it.each<[string, readonly string[]]>([
    ['another text', ['account', 'other']],
    ['another place', ['other', 'state']],
    ['the same text in other parts', ['accounts', 'tate']],
    ['fewer parts', ['accountstate']],
  ])('does not know %s', (_, parts) => {
    expect(signer.isValid(signer.sign(['account', 'state']), parts)).toBe(false);
  });

  it.each(['', 'k1', 'k1:', 'k1:short', 'k9:'.padEnd(46, 'A'), 'k1:'.padEnd(46, 'A'), '__proto__:'.padEnd(53, 'A')])(
    'refuses the signature %p',
    (signature) => {
      expect(signer.isValid(signature, ['account', 'state'])).toBe(false);
    },
  );

  it('signs for one purpose', () => {
    expect(Signer.fromKeyring(first, 'others').isValid(signer.sign(['a']), ['a'])).toBe(false);
  });

  it('knows what a key signed that was replaced, until it is gone from the keyring', () => {
    const rotated = Signer.fromKeyring(`${second},${first}`, 'states');
    expect(rotated.isValid(signer.sign(['a']), ['a'])).toBe(true);
    expect(rotated.sign(['a'])).toMatch(/^k2:/);
    expect(Signer.fromKeyring(second, 'states').isValid(signer.sign(['a']), ['a'])).toBe(false);
  });
});
