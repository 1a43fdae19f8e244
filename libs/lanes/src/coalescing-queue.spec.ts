import { describe, expect, it } from '@jest/globals';
import { CoalescingQueue } from './coalescing-queue.js';

interface Request {
  readonly items: readonly string[];
  done(): void;
  fail(error: Error): void;
}

function startQueue(limits: { maxBytes?: number; maxItems?: number } = {}) {
  const requests: Request[] = [];
  const queue = new CoalescingQueue<string>({
    bytesOf: (item) => item.length,
    maxBytes: limits.maxBytes ?? 1_000,
    maxItems: limits.maxItems ?? 1_000,
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
