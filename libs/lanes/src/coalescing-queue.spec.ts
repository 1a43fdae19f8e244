import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CoalescingQueue } from './coalescing-queue.js';

interface Request {
  readonly items: readonly string[];
  done(): void;
  fail(error: Error): void;
}

function startQueue(limits: { maxBytes?: number; maxItems?: number; spacingMs?: number } = {}) {
  const requests: Request[] = [];
  const queue = new CoalescingQueue<string>({
    bytesOf: (item) => item.length,
    maxBytes: limits.maxBytes ?? 1_000,
    maxItems: limits.maxItems ?? 1_000,
    ...(limits.spacingMs === undefined ? {} : { spacingMs: limits.spacingMs }),
    send: (items) => new Promise((resolve, reject) => requests.push({ items, done: resolve, fail: reject })),
  });
  return { queue, requests };
}

const nextTick = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('CoalescingQueue', () => {
  it('sends at once when idle, and everything that arrives meanwhile in the next request', async () => {
    const { queue, requests } = startQueue();
    const first = queue.push(['a']);
    await nextTick();
    const rest = [queue.push(['b', 'c']), queue.push(['d'])];
    await nextTick();
    expect(requests.map((request) => request.items)).toEqual([['a']]);

    requests[0]!.done();
    await first;
    await nextTick();

    expect(requests.map((request) => request.items)).toEqual([['a'], ['b', 'c', 'd']]);
    requests[1]!.done();
    await Promise.all([...rest, queue.idle()]);
  });

  it.each([
    ['bytes', { maxBytes: 4 }, [['aa', 'bb'], ['cc', 'dd'], ['eeeeee']]],
    [
      'items',
      { maxItems: 3 },
      [
        ['aa', 'bb', 'cc'],
        ['dd', 'eeeeee'],
      ],
    ],
  ])(
    'splits a call that exceeds the limit of %s, and resolves it after its last request',
    async (_, limits, expected) => {
      const { queue, requests } = startQueue(limits);
      let resolved = false;
      const call = queue.push(['aa', 'bb', 'cc', 'dd', 'eeeeee']).then(() => (resolved = true));
      for (let index = 0; index < expected.length; index += 1) {
        await nextTick();
        expect(resolved).toBe(false);
        requests[index]!.done();
      }
      await call;
      expect(requests.map((request) => request.items)).toEqual(expected);
    },
  );

  it('rejects the calls of a failed request, sends nothing more of them, and goes on with the others', async () => {
    const { queue, requests } = startQueue({ maxItems: 2 });
    const failing = queue.push(['a', 'b', 'c']);
    const following = queue.push(['d']);
    const outcome = expect(failing).rejects.toThrow('broken');
    await nextTick();
    requests[0]!.fail(new Error('broken'));
    await outcome;
    await nextTick();

    expect(requests.map((request) => request.items)).toEqual([['a', 'b'], ['d']]);
    requests[1]!.done();
    await following;
  });

  it('has nothing to do for an empty call', async () => {
    const { queue, requests } = startQueue();
    await queue.push([]);
    expect(requests).toEqual([]);
  });
});

describe('CoalescingQueue with spacing', () => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] }));
  afterEach(() => void jest.useRealTimers());

  const sent = (requests: readonly Request[]) => requests.map(({ items }) => items);

  it('lets calls that come alone pass at once, one after the other', async () => {
    const { queue, requests } = startQueue({ spacingMs: 10 });
    for (const item of ['a', 'b']) {
      void queue.push([item, item]);
      await nextTick();
      requests.at(-1)!.done();
      await nextTick();
    }
    expect(sent(requests)).toEqual([
      ['a', 'a'],
      ['b', 'b'],
    ]);
  });

  it('waits for company after a request that had some, unless the next one is full', async () => {
    const { queue, requests } = startQueue({ spacingMs: 10, maxItems: 3 });
    for (const item of ['a', 'b']) void queue.push([item]);
    await nextTick();
    requests[0]!.done();
    await nextTick();
    void queue.push(['c']);
    await nextTick();
    jest.advanceTimersByTime(9);
    void queue.push(['d']);
    await nextTick();
    expect(sent(requests)).toEqual([['a', 'b']]);
    jest.advanceTimersByTime(1);
    await nextTick();
    expect(sent(requests)).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    for (const item of ['e', 'f', 'g']) void queue.push([item]);
    requests[1]!.done();
    await nextTick();
    expect(sent(requests)[2]).toEqual(['e', 'f', 'g']);
  });
});
