import { describe, expect, it } from '@jest/globals';
import { compileSlots, isSlots } from './slots.js';

function slots(schedule: string, zone: string | null, after: string, count: number): string[] {
  const compiled = compileSlots(schedule, zone);
  if (!isSlots(compiled)) throw new Error(compiled.problem);
  const found: string[] = [];
  let ms = Date.parse(after);
  while (found.length < count) {
    const next = compiled.after(ms);
    if (next === null) break;
    found.push(new Date(next).toISOString().replace(':00.000Z', 'Z'));
    ms = next;
  }
  return found;
}

describe('slots of a schedule', () => {
  it.each([
    ['daily at 02:00', '? 0 2 ? * *', null, '2026-01-01T00:00Z', ['2026-01-01T02:00Z', '2026-01-02T02:00Z']],
    ['a slot is strictly after the instant', '? 0 2 ? * *', null, '2026-01-01T02:00Z', ['2026-01-02T02:00Z']],
    [
      'lists',
      '? 5 0,4,8 ? * *',
      null,
      '2026-01-01T00:00Z',
      ['2026-01-01T00:05Z', '2026-01-01T04:05Z', '2026-01-01T08:05Z', '2026-01-02T00:05Z'],
    ],
    ['working days', '? 5 9 ? * 1,2,3,4,5', null, '2026-01-02T10:00Z', ['2026-01-05T09:05Z']],
    [
      'steps within a range',
      '? 10-59/15 * * * *',
      null,
      '2026-01-01T00:00Z',
      ['2026-01-01T00:10Z', '2026-01-01T00:25Z', '2026-01-01T00:40Z', '2026-01-01T00:55Z', '2026-01-01T01:10Z'],
    ],
    ["the flow's zone, not UTC", '? 0 2 ? * *', 'Asia/Tokyo', '2026-01-01T00:00Z', ['2026-01-01T17:00Z']],
    ['half-hour offsets', '? 0 9 ? * *', 'Asia/Kolkata', '2026-01-01T00:00Z', ['2026-01-01T03:30Z']],
    ['a leap day years ahead', '? 0 0 29 2 ?', 'Europe/Berlin', '2026-03-01T00:00Z', ['2028-02-28T23:00Z']],
  ])('%s', (_, schedule, zone, after, expected) => {
    expect(slots(schedule, zone, after, expected.length)).toEqual(expected);
  });

  it('reads ? in the seconds field as 0: one firing a night, not sixty', () => {
    expect(slots('? 0 2 ? * *', null, '2026-01-01T01:59Z', 3)).toEqual([
      '2026-01-01T02:00Z',
      '2026-01-02T02:00Z',
      '2026-01-03T02:00Z',
    ]);
  });
});

/** Reference: runtime §19, "DST is not compensated". */
describe('slots around a change of daylight saving', () => {
  it.each([
    // Berlin: 2026-03-29 02:00 → 03:00 (01:00 UTC), 2026-10-25 03:00 → 02:00 (01:00 UTC)
    [
      'a skipped fixed time is lost until the next day',
      '? 30 2 ? * *',
      'Europe/Berlin',
      '2026-03-28T00:00Z',
      ['2026-03-28T01:30Z', '2026-03-30T00:30Z'],
    ],
    [
      'the first minute after the gap is a slot',
      '? 0 3 ? * *',
      'Europe/Berlin',
      '2026-03-28T12:00Z',
      ['2026-03-29T01:00Z', '2026-03-30T01:00Z'],
    ],
    [
      'a skipped hour leaves the other hours of a list alone',
      '? 0 1,2,3 ? * *',
      'Europe/Berlin',
      '2026-03-28T23:00Z',
      ['2026-03-29T00:00Z', '2026-03-29T01:00Z', '2026-03-29T23:00Z'],
    ],
    [
      'a repeated fixed time fires twice',
      '? 30 2 ? * *',
      'Europe/Berlin',
      '2026-10-24T12:00Z',
      ['2026-10-25T00:30Z', '2026-10-25T01:30Z', '2026-10-26T01:30Z'],
    ],
    [
      'a repeated hour fires its whole list twice, in order',
      '? 0,30 2 ? * *',
      'Europe/Berlin',
      '2026-10-24T12:00Z',
      ['2026-10-25T00:00Z', '2026-10-25T00:30Z', '2026-10-25T01:00Z', '2026-10-25T01:30Z', '2026-10-26T01:00Z'],
    ],
    [
      'hourly schedules go on every hour when clocks go forward',
      '? 0 * ? * *',
      'Europe/Berlin',
      '2026-03-28T23:30Z',
      ['2026-03-29T00:00Z', '2026-03-29T01:00Z', '2026-03-29T02:00Z'],
    ],
    [
      'hourly schedules go on every hour when clocks go back',
      '? 0 * ? * *',
      'Europe/Berlin',
      '2026-10-24T23:30Z',
      ['2026-10-25T00:00Z', '2026-10-25T01:00Z', '2026-10-25T02:00Z'],
    ],
    [
      'New York, where the change comes at 07:00 and 06:00 UTC',
      '? 30 1 ? * *',
      'America/New_York',
      '2026-10-31T12:00Z',
      ['2026-11-01T05:30Z', '2026-11-01T06:30Z', '2026-11-02T06:30Z'],
    ],
    [
      'Lord Howe, which moves by half an hour',
      '? 15 2 ? * *',
      'Australia/Lord_Howe',
      '2026-10-02T20:00Z',
      ['2026-10-04T15:15Z'],
    ],
  ])('%s', (_, schedule, zone, after, expected) => {
    expect(slots(schedule, zone, after, expected.length)).toEqual(expected);
  });
});

describe('what is no schedule', () => {
  it.each([
    ['every day at noon', null],
    ['* 0 2 ? * *', null],
    ['? * * ? *', null],
    ['? 0 2 ? * *', 'Mars/Olympus'],
  ])('%s in %s has a problem and no slots', (schedule, zone) => {
    expect(compileSlots(schedule, zone)).toEqual({ problem: expect.any(String) });
  });
});
