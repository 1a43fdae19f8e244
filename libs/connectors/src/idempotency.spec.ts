import { describe, expect, it } from '@jest/globals';
import type { PageIdentity } from '#engine';
import { idempotencyKey } from './idempotency.js';

const page: PageIdentity = { generator: 'g', page: 3 };
const key = (change: Partial<PageIdentity> = {}, indices: readonly number[] = [0, 1, 2]): string =>
  idempotencyKey('run', 'step', { ...page, ...change }, indices);

describe('the idempotency key of a request (decision 19)', () => {
  it('is the same for the same records of the same page, in 32 hex digits', () => {
    expect(key()).toMatch(/^[0-9a-f]{32}$/);
    expect(key()).toBe(key());
    expect(key({ content: 'c1' })).toBe(key({ content: 'c1' }));
  });

  it.each<[string, string]>([
    ['another page', key({ page: 4 })],
    ['other records of it', key({}, [0, 1])],
    ['another copy of them', key({ copy: 1 })],
    ['a page that was read anew and holds something', key({ content: 'c1' })],
    ['one that holds something else', key({ content: 'c2' })],
  ])('is another for %s', (_what, other) => {
    expect(other).not.toBe(key());
    expect(key({ content: 'c1' })).not.toBe(key({ content: 'c2' }));
  });
});
