import { describe, expect, it } from '@jest/globals';
import type { PageHeader } from '#contracts';
import { ResidentPages } from './resident-pages.js';

const runId = '1'.repeat(24);
const idOf = (page: number): string => `${runId}/0/p${page}`;
const pageOf = (page: number) => [{ page, records: [{ index: 0, record: { page } }] }];
const headerOf = (tag: string | null) => ({ tag: tag ?? undefined }) as PageHeader;

describe('resident pages', () => {
  it('are handed over once, to the message that they belong to', () => {
    const resident = new ResidentPages(100, () => 0);
    const tag = resident.keep(idOf(1), pageOf(1), 10);
    expect(tag).not.toBeNull();
    expect(resident.take(idOf(1), headerOf(tag))).toEqual(pageOf(1));
    expect(resident.take(idOf(1), headerOf(tag))).toBeNull();
    expect(resident.bytes).toBe(0);
  });

  it('are not used for what another try published under the same id', () => {
    const [first, second] = [new ResidentPages(100, () => 0), new ResidentPages(100, () => 0)];
    const published = first.keep(idOf(1), pageOf(1), 10);
    const refused = second.keep(idOf(1), pageOf(2), 10);
    expect(refused).not.toBe(published);
    expect(second.take(idOf(1), headerOf(published))).toBeNull();
    second.keep(idOf(1), pageOf(2), 10);
    expect(second.take(idOf(1), headerOf(null))).toBeNull();
  });

  it('never exceed their bytes: what does not fit is not kept', () => {
    const resident = new ResidentPages(100, () => 0);
    const tags = Array.from({ length: 20 }, (_, page) => resident.keep(idOf(page), pageOf(page), 30));
    expect(resident.bytes).toBe(90);
    expect(resident.take(idOf(0), headerOf(tags[0]!))).toEqual(pageOf(0));
  });

  it('that went to another executor make room when later ones of the run are asked for', () => {
    const resident = new ResidentPages(1_000, () => 0);
    const tags = Array.from({ length: 100 }, (_, page) => resident.keep(idOf(page), pageOf(page), 10));
    const take = (page: number) => resident.take(idOf(page), headerOf(tags[page]!));
    take(90);
    expect(resident.bytes).toBe(250);
    expect(take(80)).not.toBeNull();
    expect(take(10)).toBeNull();
  });

  it('come back with the bodies that were built of them, whatever was kept and forgotten meanwhile', () => {
    const resident = new ResidentPages(10_000_000, () => 0);
    const builtPage = (page: number) => ({
      page,
      records: () => [],
      built: {
        stepId: 'import',
        ignored: 0,
        atMs: 0,
        requests: [0, 1, 2].map((part) => ({ indices: [part], body: `${page}/${part} é😀 `.repeat(9_000) })),
      },
    });
    const messages = [1, 2, 3, 4, 5, 6].map((first) => [...pageOf(first * 10), builtPage(first * 10 + 1)]);
    const tags: (string | null)[] = [];
    const keep = (at: number) => (tags[at] = resident.keep(idOf(at), messages[at]!, 1_000));
    const taken = (at: number) => resident.take(idOf(at), headerOf(tags[at]!));
    for (const at of [0, 1, 2]) keep(at);
    resident.forget(idOf(1));
    const first = taken(0);
    for (const at of [3, 4, 5]) keep(at);
    expect(resident.take(idOf(4), headerOf('another'))).toBeNull();
    keep(1);
    expect(first).toEqual(messages[0]);
    for (const at of [1, 2, 3, 5]) expect(taken(at)).toEqual(messages[at]);
    expect(resident.bytes).toBe(0);
  });

  it('that nobody asked for in a minute make room', () => {
    let now = 0;
    const resident = new ResidentPages(100, () => now);
    resident.keep(idOf(0), pageOf(0), 100);
    expect(resident.keep(idOf(1), pageOf(1), 10)).toBeNull();
    now = 61_000;
    expect(resident.keep(idOf(1), pageOf(1), 10)).not.toBeNull();
  });
});
