import { describe, expect, it } from '@jest/globals';
import { ByteBudget } from './byte-budget.js';

const isPending = async (promise: Promise<void>): Promise<boolean> =>
  Promise.race([promise.then(() => false), new Promise<boolean>((resolve) => setImmediate(() => resolve(true)))]);

describe('the budget of bytes under way (P5)', () => {
  it('lets one run take no more than half, so that another one finds room', async () => {
    const budget = new ByteBudget(100);
    await budget.take('a', 25);
    await budget.take('a', 25);
    const third = budget.take('a', 25);
    expect(await isPending(third)).toBe(true);
    expect(await isPending(budget.take('b', 25))).toBe(false);
    budget.give('a', 25);
    expect(await isPending(third)).toBe(false);
  });

  it('passes a run’s first item whatever its size, while anything is free', async () => {
    const budget = new ByteBudget(100);
    expect(await isPending(budget.take('a', 500))).toBe(false);
    const other = budget.take('b', 1);
    expect(await isPending(other)).toBe(true);
    budget.give('a', 500);
    expect(await isPending(other)).toBe(false);
    expect(budget.used).toBe(1);
  });

  it('serves a run first come, first served', async () => {
    const budget = new ByteBudget(100);
    await budget.take('a', 50);
    const order: string[] = [];
    const large = budget.take('a', 50).then(() => order.push('large'));
    const small = budget.take('a', 1).then(() => order.push('small'));
    budget.give('a', 50);
    await large;
    budget.give('a', 50);
    await small;
    expect(order).toEqual(['large', 'small']);
  });
});
