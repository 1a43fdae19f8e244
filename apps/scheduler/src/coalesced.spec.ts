import { describe, expect, it } from '@jest/globals';
import { ControllableClock } from '#testing/clock';
import { Coalesced } from './coalesced.js';

function spaced(spacingMs: number) {
  const clock = new ControllableClock();
  const closing = new AbortController();
  const startedAtMs: number[] = [];
  const epochMs = clock.now();
  const coalesced = new Coalesced({
    task: async () => void startedAtMs.push(clock.now() - epochMs),
    clock,
    spacingMs,
    closing: closing.signal,
  });
  return { clock, closing, coalesced, startedAtMs };
}

describe('a coalesced task', () => {
  it('runs at once for who asks first, and once more for all who ask within the time between two runs', async () => {
    const { clock, coalesced, startedAtMs } = spaced(50);
    coalesced.ask();
    await coalesced.idle();
    await clock.advance(20);
    for (let asker = 0; asker < 3; asker += 1) coalesced.ask();
    await clock.advance(29);
    expect(startedAtMs).toEqual([0]);
    await clock.advance(1);
    await coalesced.idle();
    expect(startedAtMs).toEqual([0, 50]);
  });

  it('runs at once for who asks after a while of quiet', async () => {
    const { clock, coalesced, startedAtMs } = spaced(50);
    coalesced.ask();
    await clock.advance(60);
    coalesced.ask();
    await coalesced.idle();
    expect(startedAtMs).toEqual([0, 60]);
  });

  it('does not wait any more when it is closed', async () => {
    const { closing, coalesced, startedAtMs } = spaced(50);
    coalesced.ask();
    await coalesced.idle();
    coalesced.ask();
    closing.abort();
    await coalesced.idle();
    expect(startedAtMs).toEqual([0, 0]);
  });
});
