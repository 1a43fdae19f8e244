import { describe, expect, it } from '@jest/globals';
import { storableJson, storableText } from './storable.js';

describe('text that PostgreSQL can store', () => {
  it.each([
    ['plain', 'plain'],
    ['a\0b', 'a\uFFFDb'],
    ['half \uD83D pair', 'half \uFFFD pair'],
    ['whole \u{1F600} pair', 'whole \u{1F600} pair'],
    ['\\u0000', '\\u0000'],
  ])('%j becomes %j', (given, stored) => {
    expect(storableText(given)).toBe(stored);
  });

  it('leaves a clean value as it is', () => {
    const value = { a: [1, 'x', null] };
    expect(storableJson(value)).toBe(value);
  });

  it('replaces in texts and keys at any depth, and nothing else', () => {
    expect(storableJson({ 'k\0': [{ deep: 'v\0', other: '\\u0000', n: 1 }], text: '\uDC00' })).toEqual({
      'k\uFFFD': [{ deep: 'v\uFFFD', other: '\\u0000', n: 1 }],
      text: '\uFFFD',
    });
  });

  it('keeps a key named __proto__ a plain key', () => {
    const value: unknown = JSON.parse('{"__proto__":{"polluted":"\\u0000"}}');
    const stored = storableJson(value);
    expect(Object.keys(stored as object)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
