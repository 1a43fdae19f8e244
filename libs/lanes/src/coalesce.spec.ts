import { describe, expect, it } from '@jest/globals';
import { coalesce } from './coalesce.js';

/** A `run` whose calls the test settles by hand. */
function controlled(): {
  calls: { items: readonly number[]; settle: (fail?: Error) => void }[];
  run: (items: readonly number[]) => Promise<string[]>;
} {
  const calls: { items: readonly number[]; settle: (fail?: Error) => void }[] = [];
  return {
    calls,
    run: (items) =>
      new Promise((resolve, reject) => {
        calls.push({ items, settle: (fail) => (fail ? reject(fail) : resolve(items.map((item) => `done ${item}`))) });
      }),
  };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('coalesce', () => {
  it('runs what one turn brings as one batch, and what arrives meanwhile as the next, in order', async () => {
    const { calls, run } = controlled();
    const lane = coalesce(run);
    const first = [lane(1), lane(2)];
    await turn();
    const results = Promise.all([...first, lane(3), lane(4)]);
    expect(calls.map(({ items }) => items)).toEqual([[1, 2]]);
    calls[0]?.settle();
    await turn();
    expect(calls.map(({ items }) => items)).toEqual([
      [1, 2],
      [3, 4],
    ]);
    calls[1]?.settle();
    expect(await results).toEqual(['done 1', 'done 2', 'done 3', 'done 4']);
  });

  it('cuts batches at maxItems', async () => {
    const { calls, run } = controlled();
    const lane = coalesce(run, { maxItems: 2 });
    const results = Promise.all([1, 2, 3].map(lane));
    for (let i = 0; i < 2; i++) {
      await turn();
      calls[i]?.settle();
    }
    await results;
    expect(calls.map(({ items }) => items)).toEqual([[1, 2], [3]]);
  });

  it('rejects every item of a failed batch and goes on with the next', async () => {
    const { calls, run } = controlled();
    const lane = coalesce(run);
    const first = lane(1);
    await turn();
    const second = Promise.allSettled([lane(2), lane(3)]);
    calls[0]?.settle();
    await first;
    await turn();
    calls[1]?.settle(new Error('connection lost'));
    expect((await second).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const later = lane(4);
    await turn();
    calls[2]?.settle();
    expect(await later).toBe('done 4');
  });

  it('tries items one by one when one of them may be at fault', async () => {
    const lane = coalesce<number, number>(
      async (items) => {
        if (items.includes(3)) throw new Error('3 is bad');
        return items.map((item) => item * 10);
      },
      { isFaultOfItem: () => true },
    );
    const results = await Promise.allSettled([1, 2, 3, 4].map(lane));
    expect(results.map((result) => (result.status === 'fulfilled' ? result.value : 'failed'))).toEqual([
      10,
      20,
      'failed',
      40,
    ]);
  });

  it('rejects when the results do not match the items', async () => {
    const lane = coalesce<number, number>(async () => []);
    await expect(lane(1)).rejects.toThrow('1 items got 0 results');
  });
});
