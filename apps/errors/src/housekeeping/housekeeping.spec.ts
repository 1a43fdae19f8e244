import { describe, expect, it } from '@jest/globals';
import { ControllableClock } from '#testing/clock';
import { keepHouse } from './housekeeping.js';

describe('housekeeping', () => {
  it('purges and prunes at once and then every hour, in portions until nothing is left', async () => {
    const clock = new ControllableClock('2026-03-01T12:00:00.000Z');
    const calls: [string, string][] = [];
    const left = [1_000, 1_000, 7];
    const maintenance = {
      purge: async (now: Date) => {
        calls.push(['purge', now.toISOString()]);
        return left.shift() ?? 0;
      },
      prune: async (endedBefore: Date) => {
        calls.push(['prune', endedBefore.toISOString()]);
        return 0;
      },
    };
    const stop = new AbortController();
    const done = keepHouse({ maintenance, clock, telemetry: { housekeepingFailed: () => undefined } }, stop.signal);
    await clock.advance(0);
    expect(calls).toEqual([
      ['purge', '2026-03-01T12:00:00.000Z'],
      ['purge', '2026-03-01T12:00:00.000Z'],
      ['purge', '2026-03-01T12:00:00.000Z'],
      ['prune', '2026-02-28T12:00:00.000Z'],
    ]);
    await clock.advance(3_600_000);
    expect(calls.slice(4)).toEqual([
      ['purge', '2026-03-01T13:00:00.000Z'],
      ['prune', '2026-02-28T13:00:00.000Z'],
    ]);
    stop.abort();
    await done;
  });

  it('reports a failure and tries again an hour later', async () => {
    const clock = new ControllableClock();
    const reported: unknown[] = [];
    let attempts = 0;
    const maintenance = {
      purge: () => {
        attempts += 1;
        return Promise.reject(new Error('database gone'));
      },
      prune: () => Promise.resolve(0),
    };
    const stop = new AbortController();
    const done = keepHouse(
      { maintenance, clock, telemetry: { housekeepingFailed: (e) => reported.push(e) } },
      stop.signal,
    );
    await clock.advance(3_600_000);
    expect(attempts).toBe(2);
    expect(reported).toHaveLength(2);
    stop.abort();
    await done;
  });
});
