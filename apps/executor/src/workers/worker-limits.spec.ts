import { describe, expect, it } from '@jest/globals';
import { ControllableClock, settled } from '#testing/clock';
import type { Notice } from './protocol.js';
import { WorkerLimits } from './worker-limits.js';

const limitKey = 'c'.repeat(24);
const never = new AbortController().signal;

/**
 * Timers of Node count from the start of the event loop's turn that set them, so they end before the wall clock has gone
 * as far: by a millisecond, or by as long as the turn had lasted.
 */
class EarlyClock extends ControllableClock {
  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return super.sleep(Math.max(1, ms - 3), signal);
  }
}

describe("a worker's share of a limit", () => {
  it.each([2, 5, 1_000])('is open again after a pause of %i ms, although timers end early', async (pauseMs) => {
    const clock = new EarlyClock();
    const notices: Notice[] = [];
    const limits = new WorkerLimits(clock, (notice) => notices.push(notice));
    limits.register(limitKey, { limitKey, limit: 1, recoversGradually: false });
    const first = limits.acquire(limitKey, never);
    await settled();
    expect(notices).toMatchObject([{ kind: 'demand', limitKey, want: 1 }]);
    await limits.setCapacity(limitKey, 1);
    (await first).release();
    limits.throttled(limitKey, pauseMs);
    let isGranted = false;
    void limits.acquire(limitKey, never).then(() => (isGranted = true));
    await clock.advance(pauseMs - 1);
    await settled();
    expect(isGranted).toBe(false);
    await clock.advance(10);
    await settled();
    expect(isGranted).toBe(true);
  });
});
