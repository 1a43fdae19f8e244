import { describe, expect, it } from '@jest/globals';
import { isId, newId } from './ids.js';

describe('ids', () => {
  it('are 24 lower-case hex characters that start with their second of creation', () => {
    expect(newId(0x5e0b_e100 * 1000)).toMatch(/^5e0be100[0-9a-f]{16}$/);
    expect(isId(newId())).toBe(true);
  });

  it('never repeat within a process', () => {
    expect(new Set(Array.from({ length: 10_000 }, () => newId(0))).size).toBe(10_000);
  });

  it.each(['', 'abc', 'G'.repeat(24), 'A'.repeat(24), '0'.repeat(25), 12, null, undefined])('%j is none', (value) => {
    expect(isId(value)).toBe(false);
  });
});
