import { describe, expect, it } from '@jest/globals';
import type { PageHeader } from '#contracts';
import { ResidentPages } from './resident-pages.js';

const runId = '1'.repeat(24);
const pageOf = (page: number) => [{ page, records: [{ index: 0, record: { page } }] }];
const headerOf = (...pages: number[]) => ({ pages }) as unknown as PageHeader;

describe('resident pages', () => {
  it('are handed over once, to the message that they belong to', () => {
    const resident = new ResidentPages(100, () => 0);
    expect(resident.keep(`${runId}/0/p1`, pageOf(1), 10)).toBe(true);
    expect(resident.take(`${runId}/0/p1`, headerOf(1))).toEqual(pageOf(1));
    expect(resident.take(`${runId}/0/p1`, headerOf(1))).toBeNull();
    expect(resident.bytes).toBe(0);
  });

  it('are not used for a message that holds other pages', () => {
    const resident = new ResidentPages(100, () => 0);
    resident.keep(`${runId}/0/p1`, pageOf(1), 10);
    expect(resident.take(`${runId}/0/p1`, headerOf(1, 2))).toBeNull();
  });

  it('never exceed their bytes: what does not fit is not kept', () => {
    const resident = new ResidentPages(100, () => 0);
    for (let page = 0; page < 20; page += 1) resident.keep(`${runId}/0/p${page}`, pageOf(page), 30);
    expect(resident.bytes).toBe(90);
    expect(resident.take(`${runId}/0/p0`, headerOf(0))).toEqual(pageOf(0));
  });

  it('that went to another executor make room when later ones of the run are asked for', () => {
    const resident = new ResidentPages(1_000, () => 0);
    for (let page = 0; page < 100; page += 1) resident.keep(`${runId}/0/p${page}`, pageOf(page), 10);
    resident.take(`${runId}/0/p90`, headerOf(90));
    expect(resident.bytes).toBe(250);
    expect(resident.take(`${runId}/0/p80`, headerOf(80))).not.toBeNull();
    expect(resident.take(`${runId}/0/p10`, headerOf(10))).toBeNull();
  });

  it('that nobody asked for in a minute make room', () => {
    let now = 0;
    const resident = new ResidentPages(100, () => now);
    resident.keep(`${runId}/0/p0`, pageOf(0), 100);
    expect(resident.keep(`${runId}/0/p1`, pageOf(1), 10)).toBe(false);
    now = 61_000;
    expect(resident.keep(`${runId}/0/p1`, pageOf(1), 10)).toBe(true);
  });
});
