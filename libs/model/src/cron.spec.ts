import { describe, expect, it } from '@jest/globals';
import { isCron, parseCron } from './cron.js';

describe('parseCron', () => {
  it.each([
    ['? 0 2 ? * *', '0 0 2 * * *'],
    ['? 5 0,4,8,12,16,20 ? * *', '0 5 0,4,8,12,16,20 * * *'],
    ['? 0,15,30,45 * ? * *', '0 0,15,30,45 * * * *'],
    ['? 5 9 ? * 1,2,3,4,5', '0 5 9 * * 1,2,3,4,5'],
    ['? * * * * *', '0 * * * * *'],
    ['? */5 * ? * *', '0 */5 * * * *'],
    ['? 10-59/30 * ? * *', '0 10-59/30 * * * *'],
    ['? 0 0 29 2 *', '0 0 0 29 2 *'],
    ['? 0 0 31 2 1', '0 0 0 31 2 1'],
  ])('accepts %s and gives libraries %s', (text, pattern) => {
    expect(parseCron(text)).toMatchObject({ pattern });
  });

  it.each([
    ['every five minutes', 'invalid_field'],
    ['', 'invalid_field'],
    ['run this at noon each day', 'invalid_field'],
    ['* * * * * *', 'schedule_not_supported'],
    ['*/10 * * ? * *', 'schedule_not_supported'],
    ['0,30 * * ? * *', 'schedule_not_supported'],
    ['0 0 2 ? * *', 'invalid_value'],
    ['0 2 * * *', 'invalid_value'],
    ['? 60 * ? * *', 'invalid_value'],
    ['? 0 24 ? * *', 'invalid_value'],
    ['? 0 0 0 * *', 'invalid_value'],
    ['? 0 0 ? 13 *', 'invalid_value'],
    ['? 0 0 ? * 7', 'invalid_value'],
    ['? 5-1 * ? * *', 'invalid_value'],
    ['? */0 * ? * *', 'invalid_value'],
    ['? 1,,2 * ? * *', 'invalid_value'],
    ['? 0 0 31 2 ?', 'invalid_value'],
    ['? 0 0 31 4,6 *', 'invalid_value'],
  ])('refuses "%s" with %s', (text, code) => {
    expect(parseCron(text)).toMatchObject({ code });
  });

  it('lists the values of each field', () => {
    const cron = parseCron('? 10/20 0-6/3 ? * 1');
    expect(isCron(cron) && [cron.minutes, cron.hours, cron.daysOfWeek]).toEqual([[10, 30, 50], [0, 3, 6], [1]]);
  });
});
