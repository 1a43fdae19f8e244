import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fairShares } from './fair-shares.js';

const claims = (wants: Readonly<Record<string, number>>) =>
  Object.entries(wants).map(([name, want]) => ({ name, want }));
const sharesOf = (limit: number, wants: Readonly<Record<string, number>>, turn = 0) =>
  Object.fromEntries(fairShares(limit, claims(wants), turn));

describe('fair shares', () => {
  it.each([
    ['all to the only one', 25, { a: 30 }, { a: 25 }],
    ['no more than is wanted', 25, { a: 3 }, { a: 3 }],
    ['equal shares', 24, { a: 30, b: 30 }, { a: 12, b: 12 }],
    ['the remainder to the first by name', 25, { a: 30, b: 30 }, { a: 13, b: 12 }],
    ['what one does not want to the others', 25, { a: 2, b: 30, c: 30 }, { a: 2, b: 12, c: 11 }],
    ['nothing to who wants nothing', 5, { a: 0, b: 9 }, { a: 0, b: 5 }],
  ])('gives %s', (_, limit, wants, shares) => {
    expect(sharesOf(limit, wants)).toEqual(shares);
  });

  it('takes turns when there are more claimants than permits', () => {
    const turns = [0, 1, 2, 3].map((turn) => sharesOf(1, { a: 5, b: 5, c: 5 }, turn));
    expect(turns.map((shares) => Object.keys(shares).find((name) => shares[name] === 1))).toEqual(['a', 'b', 'c', 'a']);
  });

  it('never gives more than there is, nor more than is wanted, and wastes nothing', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.array(fc.nat(40), { maxLength: 8 }), fc.nat(1_000), (limit, wants, turn) => {
        const all = wants.map((want, i) => ({ name: `e${i}`, want }));
        const shares = fairShares(limit, all, turn);
        const given = [...shares.values()].reduce((sum, share) => sum + share, 0);
        expect(given).toBe(
          Math.min(
            limit,
            wants.reduce((sum, want) => sum + want, 0),
          ),
        );
        for (const { name, want } of all) expect(shares.get(name)).toBeLessThanOrEqual(want);
      }),
    );
  });
});
