import { expect, it } from '@jest/globals';
import type { PreparedRecord } from '#engine';
import { inTurns } from './in-turns.js';

const recordOf = (lockKey: string | undefined, index: number): PreparedRecord => ({
  index,
  record: null,
  mapped: null,
  ...(lockKey === undefined ? {} : { lockKey }),
});

async function sent(keys: readonly (string | undefined)[], lock?: (keys: readonly string[]) => Promise<() => void>) {
  const events: string[] = [];
  const outcomes = await inTurns<number | string>(
    keys.map(recordOf),
    lock ??
      (async (wanted) => {
        events.push(`lock ${wanted.join()}`);
        return () => void events.push(`unlock ${wanted.join()}`);
      }),
    async (some) => {
      events.push(`send ${some.map(({ index }) => index).join()}`);
      return some.map(({ index }) => index);
    },
    (some, error) => some.map(() => String(error)),
  );
  return { events, outcomes };
}

it('sends records of one key one after the other, each under its lock; outcomes keep the order', async () => {
  expect(await sent(['a', undefined, 'b', 'a', 'a'])).toEqual({
    events: ['lock a,b', 'send 0,1,2', 'unlock a,b', 'lock a', 'send 3', 'unlock a', 'lock a', 'send 4', 'unlock a'],
    outcomes: [0, 1, 2, 3, 4],
  });
});

it('keeps what was sent when later locks are not to be had', async () => {
  let locks = 0;
  const { outcomes } = await sent(['a', 'a'], async () => {
    if (locks++ > 0) throw new Error('canceled');
    return () => undefined;
  });
  expect(outcomes).toEqual([0, 'Error: canceled']);
});
