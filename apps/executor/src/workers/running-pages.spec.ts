import { describe, expect, it } from '@jest/globals';
import { ControllableClock } from '#testing/clock';
import { RunningPages } from './running-pages.js';

function watched() {
  const clock = new ControllableClock();
  const told: string[] = [];
  return { clock, told, pages: new RunningPages(clock, (runId) => told.push(runId)) };
}

describe('pages that run where they were read', () => {
  it('are told of once when they take long', async () => {
    const { clock, told, pages } = watched();
    pages.began('slow');
    pages.began('quick')();
    for (let at = 0; at < 4; at += 1) await clock.advance(250);
    expect(told).toEqual(['slow']);
  });

  it('are watched again after a while without any', async () => {
    const { clock, told, pages } = watched();
    pages.began('quick')();
    for (let at = 0; at < 4; at += 1) await clock.advance(250);
    pages.began('slow');
    for (let at = 0; at < 4; at += 1) await clock.advance(250);
    expect(told).toEqual(['slow']);
  });
});
