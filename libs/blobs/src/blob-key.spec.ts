import { describe, expect, it } from '@jest/globals';
import { assertBlobPrefix, InvalidBlobKeyError, parseBlobKey } from './blob-key.js';

describe('parseBlobKey', () => {
  it.each([
    ['a', ['a']],
    ['retry/65f0/step-1/7.json', ['retry', '65f0', 'step-1', '7.json']],
    ['a=b/c+d/e@f/_g', ['a=b', 'c+d', 'e@f', '_g']],
    ['__proto__', ['__proto__']],
  ])('accepts %j', (key, segments) => {
    expect(parseBlobKey(key)).toEqual(segments);
  });

  it.each([
    '',
    '/',
    '/etc/passwd',
    'a/',
    'a//b',
    '.',
    '..',
    'a/../b',
    'a/./b',
    '.hidden',
    'a/.tmp',
    'trailing.',
    'a\\..\\b',
    'C:\\x',
    'a\0b',
    'a b',
    'a\nb',
    '%2e%2e',
    'ü',
    'a*',
    'con',
    'a/NUL.txt',
    'a'.repeat(129),
    'abc/'.repeat(128) + 'x',
  ])('refuses %j', (key) => {
    expect(() => parseBlobKey(key)).toThrow(InvalidBlobKeyError);
  });
});

describe('assertBlobPrefix', () => {
  it.each(['', 'a', 'a/', 'a/b'])('accepts %j', (prefix) => {
    expect(() => assertBlobPrefix(prefix)).not.toThrow();
  });

  it.each(['/', 'a//', '../', '..', 'a/..'])('refuses %j', (prefix) => {
    expect(() => assertBlobPrefix(prefix)).toThrow(InvalidBlobKeyError);
  });
});
