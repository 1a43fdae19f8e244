import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { LocalWork } from './local-work.js';

function localWork(): { work: LocalWork; hints: string[]; turn: () => Promise<void> } {
  const hints: string[] = [];
  const work = new LocalWork({ signal: (_topic, payload) => void hints.push(payload) });
  return { work, hints, turn: () => new Promise((resolve) => setImmediate(resolve)) };
}

describe('hints that a run could be complete', () => {
  it('come when the last of a run that is held here is acknowledged, together for a turn', async () => {
    const { work, hints, turn } = localWork();
    for (const run of ['a', 'a', 'b']) work.began(run);
    work.ended('a', 'acked');
    await turn();
    expect(hints).toEqual([]);
    work.ended('a', 'acked');
    work.ended('b', 'rejected');
    await turn();
    expect(hints).toEqual(['a b']);
  });

  it('do not come for what is handed back, but for what was acknowledged before it', async () => {
    const { work, hints, turn } = localWork();
    work.began('a');
    work.ended('a', 'later');
    await turn();
    expect(hints).toEqual([]);
    for (const outcome of ['acked', 'later'] as const) {
      work.began('a');
      work.began('a');
      work.ended('a', outcome);
      work.ended('a', outcome === 'acked' ? 'later' : 'acked');
    }
    await turn();
    expect(hints).toEqual(['a']);
  });

  it('come late for a message that another one followed: whoever finishes that one hints first', async () => {
    const { work, hints, turn } = localWork();
    work.began('a');
    work.ended('a', 'continued');
    await turn();
    expect(hints).toEqual([]);
    while (hints.length === 0) await delay(5);
    expect(hints).toEqual(['a']);
  });
});
