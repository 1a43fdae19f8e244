import { describe, expect, it } from '@jest/globals';
import { OneTimeTokens, type OneTimeClaims } from './one-time-tokens.js';
import { SecretBox } from './secret-box.js';
import { Signer } from './signer.js';

/** Reference: resources §1.1, "One-time tokens". */
const keyring = SecretBox.createKey('a');
const tokens = OneTimeTokens.fromKeyring(keyring);
const claims: OneTimeClaims = {
  accountId: 'a'.repeat(24),
  integrationId: 'b'.repeat(24),
  executorId: 'c'.repeat(24),
  callId: 'd'.repeat(24),
  expiresAtMs: 1_700_000_000_000,
};
const encoded = (value: unknown): string => `mrone_${Buffer.from(JSON.stringify(value)).toString('base64url')}`;
const parts = (token: string): string[] =>
  JSON.parse(Buffer.from(token.slice(6), 'base64url').toString('utf8')) as string[];

describe('a one-time token', () => {
  it.each([claims, { ...claims, integrationId: null }])('says what it was issued with: %j', (given) => {
    const token = tokens.issue(given);
    expect(OneTimeTokens.isOne(token)).toBe(true);
    expect(token).toMatch(/^[\w-]+$/);
    expect(tokens.read(token)).toEqual(given);
  });

  it('is read after the key was rotated', () => {
    const rotated = OneTimeTokens.fromKeyring(`${SecretBox.createKey('b')},${keyring}`);
    expect(rotated.read(tokens.issue(claims))).toEqual(claims);
  });

  it.each<[string, (token: string) => string]>([
    ['signed by nobody', (token) => encoded(parts(token).slice(0, 5))],
    ['of another account', (token) => encoded(parts(token).with(0, 'e'.repeat(24)))],
    ['of another integration', (token) => encoded(parts(token).with(1, 'e'.repeat(24)))],
    ['that lasts longer', (token) => encoded(parts(token).with(4, '9999999999999'))],
    ['of another keyring', () => OneTimeTokens.fromKeyring(SecretBox.createKey('a')).issue(claims)],
    [
      'signed for another purpose',
      (token) => {
        const said = parts(token).slice(0, 5);
        return encoded([...said, Signer.fromKeyring(keyring, 'millrace/paged-export-state').sign(said)]);
      },
    ],
    ['of no list', () => encoded({ length: 6 })],
    ['of no texts', (token) => encoded(parts(token).map(() => ({ toString: 'a' })))],
    ['that is no JSON', () => 'mrone_%%%'],
    ['of nothing', () => 'mrone_'],
    ['without an end', () => `mrone_${'A'.repeat(1_000_000)}`],
  ])('is not one %s', (_, tamper) => {
    expect(tokens.read(tamper(tokens.issue(claims)))).toBeNull();
  });
});
