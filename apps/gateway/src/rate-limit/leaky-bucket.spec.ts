import { describe, expect, it } from '@jest/globals';
import { LeakyBuckets } from './leaky-bucket.js';

describe('LeakyBuckets', () => {
  it('lets a full bucket through at once, then what is refilled', () => {
    const buckets = new LeakyBuckets({ capacity: 3, refillPerSecond: 2 });
    expect([0, 0, 0, 0].map((at) => buckets.take('a', at))).toEqual([0, 0, 0, 1]);
    expect(buckets.take('a', 499)).toBe(1);
    expect(buckets.take('a', 501)).toBe(0);
    expect(buckets.take('a', 502)).toBe(1);
  });

  it('says how many whole seconds to wait', () => {
    const buckets = new LeakyBuckets({ capacity: 1, refillPerSecond: 0.25 });
    buckets.take('a', 0);
    expect(buckets.take('a', 0)).toBe(4);
    expect(buckets.take('a', 3_000)).toBe(1);
    expect(buckets.take('a', 4_000)).toBe(0);
  });

  it('never holds more than its capacity', () => {
    const buckets = new LeakyBuckets({ capacity: 2, refillPerSecond: 100 });
    expect([0, 60_000, 60_000, 60_000].map((at) => buckets.take('a', at))).toEqual([0, 0, 0, 1]);
  });

  it('owes what was spent elsewhere beyond what it held', () => {
    const buckets = new LeakyBuckets({ capacity: 2, refillPerSecond: 1 });
    buckets.spend('a', 5, 0);
    expect(buckets.take('a', 0)).toBe(4);
    expect(buckets.take('a', 4_000)).toBe(0);
  });

  it('keeps accounts apart', () => {
    const buckets = new LeakyBuckets({ capacity: 1, refillPerSecond: 1 });
    expect([buckets.take('a', 0), buckets.take('a', 0), buckets.take('b', 0)]).toEqual([0, 1, 0]);
  });
});
