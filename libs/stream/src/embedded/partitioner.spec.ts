import { describe, expect, it } from '@jest/globals';
import { partitionOf } from './partitioner.js';

describe('partitionOf', () => {
  // Stored events rely on it: a change would break the order of keys across an upgrade.
  it.each([
    ['', 1],
    ['run-1', 0],
    ['run-2', 0],
    ['Grüße 🚀', 5],
  ])('always puts the key %j into partition %d of 8', (key, expected) => {
    expect(partitionOf(key, 8)).toBe(expected);
  });

  it('spreads similar keys evenly', () => {
    const counts = Array.from({ length: 8 }, () => 0);
    for (let index = 0; index < 8_000; index += 1) {
      const partition = partitionOf(index.toString(16).padStart(24, '0'), 8);
      counts[partition] = (counts[partition] ?? 0) + 1;
    }
    for (const count of counts) expect(count).toBeGreaterThan(800);
  });
});
