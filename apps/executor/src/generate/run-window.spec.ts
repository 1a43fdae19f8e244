import { describe, expect, it } from '@jest/globals';
import { RunWindows } from './run-window.js';

const megabyte = 1024 * 1024;
const bundles = (count: number, plainBytes = 100_000, pages = 1) =>
  Array.from({ length: count }, () => ({ plainBytes, header: { pages: Array.from({ length: pages }, (_, i) => i) } }));
const windows = () => new RunWindows({ window: 64, windowBytes: 32 * megabyte });

describe('the window of a run (P5)', () => {
  it('starts small', () => {
    expect(windows().room('r', 0, 25, 0)).toBe(16);
  });

  it('grows with what the cluster finishes, up to the configured window', () => {
    const w = windows();
    w.room('r', 0, 1, 0);
    w.published('r', bundles(16), 0);
    expect(w.room('r', 0, 1, 500)).toBe(64);
  });

  it('shrinks to a few bundles when pages finish slowly, but keeps the connection busy', () => {
    const slow = (tightest: number, pages: number): number => {
      const w = windows();
      w.room('r', 0, tightest, 0);
      w.published('r', bundles(16, 100_000, pages), 0);
      return w.room('r', 15, tightest, 10_000) + 15;
    };
    expect(slow(1, 50)).toBe(4);
    expect(slow(25, 50)).toBe(4);
    expect(slow(25, 1)).toBe(51);
  });

  it('is bounded in bytes', () => {
    const w = windows();
    w.room('r', 0, 25, 0);
    w.published('r', bundles(16, 5 * megabyte), 0);
    expect(w.room('r', 0, 25, 100)).toBe(6);
  });

  it('has no room while the window is full', () => {
    expect(windows().room('r', 16, 25, 0)).toBe(0);
  });
});
