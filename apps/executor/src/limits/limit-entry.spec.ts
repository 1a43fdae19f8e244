import { describe, expect, it } from '@jest/globals';
import {
  claim,
  holderTtlMs,
  increaseEveryMs,
  parseLimitEntry,
  recover,
  throttle,
  type LimitEntry,
} from './limit-entry.js';

const now = 1_000_000;
const held = (holders: Readonly<Record<string, [held: number, want: number, expires?: number]>>): LimitEntry => ({
  holders: Object.fromEntries(
    Object.entries(holders).map(([name, [h, want, expires]]) => [
      name,
      { held: h, want, expires: expires ?? now + holderTtlMs },
    ]),
  ),
});

describe('the shared entry of a limit', () => {
  it('lets an executor take only what nobody holds', () => {
    expect(claim(held({ b: [20, 20] }), 'a', 25, 0, 25, now)).toMatchObject({ goal: 5, held: 5 });
  });

  it('makes an executor come down to its fair share, but keeps held what is still in use', () => {
    const claimed = claim(held({ a: [25, 25], b: [0, 25] }), 'a', 25, 25, 25, now);
    expect(claimed).toMatchObject({ goal: 13, held: 25 });
    expect(claimed.entry.holders['a']).toMatchObject({ held: 25, want: 25 });
    expect(claim(claimed.entry, 'a', 25, 13, 25, now)).toMatchObject({ goal: 13, held: 13 });
  });

  it('frees what an executor held that stopped renewing', () => {
    const entry = held({ dead: [25, 25, now - holderTtlMs] });
    const claimed = claim(entry, 'a', 25, 0, 25, now);
    expect(claimed).toMatchObject({ goal: 25, held: 25 });
    expect(Object.keys(claimed.entry.holders)).toEqual(['a']);
  });

  it('forgets an executor that wants and holds nothing', () => {
    expect(claim(held({ a: [5, 5] }), 'a', 0, 0, 25, now).entry.holders).toEqual({});
  });

  it('halves the permits when the remote asks to slow down, once per pause', () => {
    const once = throttle(held({}), 24, false, now + 5_000, now);
    expect(once).toMatchObject({ level: 12, pausedUntil: now + 5_000 });
    const again = throttle(once, 24, false, now + 6_000, now + 10);
    expect(again).toMatchObject({ level: 12, pausedUntil: now + 6_000 });
    expect(throttle(again, 24, false, now + 9_000, now + 6_500)).toMatchObject({ level: 6 });
    expect(claim(once, 'a', 24, 0, 24, now)).toMatchObject({ goal: 12 });
  });

  it('climbs one by one, and forgets the level at the limit', () => {
    let entry = throttle(held({}), 4, false, now, now);
    expect(recover(entry, 4, false, now + 10)).toBe(entry);
    entry = recover(entry, 4, false, now + increaseEveryMs);
    expect(entry.level).toBe(3);
    expect(recover(entry, 4, false, now + 2 * increaseEveryMs).level).toBeUndefined();
  });

  it('drops to one and climbs by quarters with autoRecoverRateLimitErrors (runtime §4)', () => {
    const entry = throttle(held({}), 20, true, now, now);
    expect(entry.level).toBe(1);
    expect(recover(entry, 20, true, now + increaseEveryMs).level).toBe(6);
  });

  it.each([undefined, 'nonsense', '{"holders":{"a":1}}'])('reads %j as empty', (value) => {
    expect(parseLimitEntry(value)).toEqual({ holders: {} });
  });
});
