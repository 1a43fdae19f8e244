import { describe, expect, it } from '@jest/globals';
import { FirstReads } from './first-reads.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Work that ends when told to. */
function started(reads: FirstReads, names: readonly string[]) {
  const began: string[] = [];
  const ends = new Map<string, (outcome: 'done' | Error) => void>();
  const works = names.map((name) =>
    reads.run(name, () => {
      began.push(name);
      return new Promise<string>((resolve, reject) =>
        ends.set(name, (outcome) => (outcome === 'done' ? resolve(name) : reject(outcome))),
      );
    }),
  );
  return { began, works, end: (name: string, outcome: 'done' | Error = 'done') => ends.get(name)?.(outcome) };
}

describe('first reads', () => {
  it('are so many at a time, in order', async () => {
    const { began, works, end } = started(new FirstReads(2), ['a', 'b', 'c', 'd']);
    await turn();
    expect(began).toEqual(['a', 'b']);
    end('b');
    await expect(works[1]).resolves.toBe('b');
    await turn();
    expect(began).toEqual(['a', 'b', 'c']);
  });

  it('settle as their work does, and a failed one gives its place back', async () => {
    const { began, works, end } = started(new FirstReads(1), ['a', 'b']);
    await turn();
    end('a', new Error('gone'));
    await expect(works[0]).rejects.toThrow('gone');
    await turn();
    expect(began).toEqual(['a', 'b']);
  });

  it('give their place to others once they are over, while their work goes on (P5)', async () => {
    const reads = new FirstReads(1);
    const { began, works, end } = started(reads, ['slow', 'next']);
    await turn();
    reads.over('slow');
    reads.over('unknown');
    await turn();
    expect(began).toEqual(['slow', 'next']);
    end('slow');
    await expect(works[0]).resolves.toBe('slow');
  });
});
