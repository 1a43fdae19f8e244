import { describe, expect, it } from '@jest/globals';
import { createToken, equalInConstantTime, hashToken, matchesTokenHash } from './tokens.js';

describe('createToken', () => {
  it('carries a prefix and 256 random bits', () => {
    const token = createToken('mrt');
    expect(token).toMatch(/^mrt_[A-Za-z0-9_-]{43}$/);
    expect(Buffer.from(token.slice(4), 'base64url')).toHaveLength(32);
  });

  it('never repeats', () => {
    expect(new Set(Array.from({ length: 1000 }, () => createToken())).size).toBe(1000);
  });
});

describe('hashToken', () => {
  it('is SHA-256 in hex', () => {
    expect(hashToken('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it('recognises the token it was made from and no other', () => {
    const token = createToken();
    expect(matchesTokenHash(token, hashToken(token))).toBe(true);
    expect(matchesTokenHash(`${token}x`, hashToken(token))).toBe(false);
    expect(matchesTokenHash(token, '')).toBe(false);
  });
});

describe('equalInConstantTime', () => {
  it.each([
    ['a', 'a', true],
    ['a', 'b', false],
    ['a', 'aa', false],
    ['', '', true],
    ['\u00e4', 'a\u0308', false],
  ])('%j and %j: %s', (a, b, equal) => {
    expect(equalInConstantTime(a, b)).toBe(equal);
  });
});
