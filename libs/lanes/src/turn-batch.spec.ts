import { describe, expect, it } from '@jest/globals';
import { TurnBatch } from './turn-batch.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a batch per turn of the event loop', () => {
  it('hands on what one turn brought, in order, and begins anew', async () => {
    const handed: (readonly number[])[] = [];
    const batch = new TurnBatch<number>((items) => handed.push(items));
    for (const n of [1, 2, 3]) batch.add(n);
    expect(handed).toEqual([]);
    await turn();
    batch.add(4);
    await turn();
    expect(handed).toEqual([[1, 2, 3], [4]]);
  });

  it('splits what is too much for one piece', async () => {
    const handed: (readonly number[])[] = [];
    const batch = new TurnBatch<number>((items) => handed.push(items), 2);
    for (const n of [1, 2, 3]) batch.add(n);
    await turn();
    expect(handed).toEqual([[1, 2], [3]]);
  });
});
