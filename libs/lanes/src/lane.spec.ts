import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Lane } from './lane.js';

/** A lane whose batches are noted, and finish when the test says so. */
function slowLane(options: Partial<ConstructorParameters<typeof Lane<string, string>>[0]> = {}) {
  const batches: string[][] = [];
  const finish: (() => void)[] = [];
  const lane = new Lane<string, string>({
    maxItems: 3,
    ...options,
    send: async (batch) => {
      batches.push(batch.map((entry) => entry.item));
      await new Promise<void>((resolve) => finish.push(resolve));
      for (const entry of batch) entry.resolve(entry.item.toUpperCase());
    },
  });
  return { lane, batches, finishOne: async () => (await tick(), finish.shift()?.(), await tick()) };
}

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a lane', () => {
  it('sends what was submitted in one turn together, and at once', async () => {
    const { lane, batches, finishOne } = slowLane();
    const results = Promise.all([lane.submit('a'), lane.submit('b')]);
    await tick();
    expect(batches).toEqual([['a', 'b']]);
    await finishOne();
    expect(await results).toEqual(['A', 'B']);
  });

  it('has one batch in flight, and sends all that arrived meanwhile in the next, as many as fit', async () => {
    const { lane, batches, finishOne } = slowLane();
    void lane.submit('a');
    await tick();
    for (const item of ['b', 'c', 'd', 'e']) void lane.submit(item);
    await tick();
    expect(batches).toEqual([['a']]);
    await finishOne();
    expect(batches).toEqual([['a'], ['b', 'c', 'd']]);
    await finishOne();
    await finishOne();
    await lane.idle();
    expect(batches).toEqual([['a'], ['b', 'c', 'd'], ['e']]);
  });

  it('bounds a batch in bytes, but sends an item that is larger alone', async () => {
    const { lane, batches, finishOne } = slowLane({ maxBytes: 4, bytesOf: (item) => item.length });
    for (const item of ['aa', 'bb', 'c', 'ddddddd', 'e']) void lane.submit(item);
    for (let batch = 0; batch < 4; batch += 1) await finishOne();
    await lane.idle();
    expect(batches).toEqual([['aa', 'bb'], ['c'], ['ddddddd'], ['e']]);
  });

  it('never sends two items with one key together', async () => {
    const { lane, batches, finishOne } = slowLane({ keysOf: (item) => [item[0]!] });
    for (const item of ['a1', 'b1', 'a2']) void lane.submit(item);
    for (let batch = 0; batch < 2; batch += 1) await finishOne();
    await lane.idle();
    expect(batches).toEqual([['a1', 'b1'], ['a2']]);
  });

  it('rejects what a failed batch left open, and goes on', async () => {
    let calls = 0;
    const lane = new Lane<string, string>({
      maxItems: 2,
      send: async ([first, ...rest]) => {
        calls += 1;
        first?.resolve('ok');
        if (calls === 1) throw new Error('lost');
        for (const entry of rest) entry.resolve('ok');
      },
    });
    const results = await Promise.allSettled(['a', 'b', 'c'].map((item) => lane.submit(item)));
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    await expect(lane.submit('d')).resolves.toBe('ok');
  });
});

describe('a lane with spacing', () => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] }));
  afterEach(() => void jest.useRealTimers());

  const spaced = () => slowLane({ spacingMs: 20 });

  it('lets callers who come alone pass at once, one after the other', async () => {
    const { lane, batches, finishOne } = spaced();
    for (const item of ['a', 'b']) {
      void lane.submit(item);
      await finishOne();
    }
    expect(batches).toEqual([['a'], ['b']]);
  });

  it('waits for company after a batch that had some', async () => {
    const { lane, batches, finishOne } = spaced();
    for (const item of ['a', 'b']) void lane.submit(item);
    await finishOne();
    void lane.submit('c');
    await tick();
    jest.advanceTimersByTime(19);
    void lane.submit('d');
    await tick();
    expect(batches).toEqual([['a', 'b']]);
    jest.advanceTimersByTime(1);
    await finishOne();
    expect(batches).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  it('waits no longer than the time since the start of the batch before', async () => {
    const { lane, batches, finishOne } = spaced();
    for (const item of ['a', 'b']) void lane.submit(item);
    await tick();
    jest.advanceTimersByTime(20);
    void lane.submit('c');
    await finishOne();
    expect(batches).toEqual([['a', 'b'], ['c']]);
    await finishOne();
  });

  it('does not wait with a full batch', async () => {
    const { lane, batches, finishOne } = spaced();
    for (const item of ['a', 'b', 'c', 'd', 'e', 'f']) void lane.submit(item);
    await finishOne();
    await finishOne();
    expect(batches).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ]);
  });
});
