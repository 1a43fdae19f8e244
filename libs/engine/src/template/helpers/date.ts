import { formatDate, isZone, parseDate, toIso } from '../../dates/index.js';
import { isMissing, number, text } from './arguments.js';
import type { ScopeHelper, ValueHelper } from './types.js';

/** Dates and formats are short; the date library takes more than linear time for some long ones. */
const maxLength = 200;

function short(value: unknown, helper: string, what: string): string {
  const short = text(value);
  if (short.length > maxLength) throw new Error(`${helper}: the ${what} has more than ${maxLength} characters.`);
  return short;
}

function zoneOf(value: unknown, helper: string): string | undefined {
  if (isMissing(value)) return undefined;
  const zone = short(value, helper, 'time zone');
  if (!isZone(zone)) throw new Error(`${helper}: '${zone}' is not a time zone.`);
  return zone;
}

function dateOf(value: unknown, format: string | undefined, helper: string): number {
  const epoch = parseDate(typeof value === 'number' ? value : short(value, helper, 'date'), format);
  if (epoch === null) throw new Error(`${helper}: '${text(value)}' is not a date.`);
  return epoch;
}

/** Reference: handlebars §4.4. A missing date prints nothing; a text that is no date fails the record. */
export const dateHelpers: Readonly<Record<string, ValueHelper>> = {
  dateAdd: (value, offset, zone) => {
    if (isMissing(value)) return '';
    const shift = isMissing(offset) ? 0 : number(offset);
    if (Number.isNaN(shift)) throw new Error('dateAdd: the offset must be a number of milliseconds.');
    return toIso(dateOf(value, undefined, 'dateAdd') + shift, zoneOf(zone, 'dateAdd'));
  },
  dateFormat: (format, value, third, fourth) => {
    if (isMissing(value)) return '';
    // One guide passes the zone as third argument (handlebars §4.4).
    const zoneIsThird = isMissing(fourth) && !isMissing(third) && isZone(short(third, 'dateFormat', 'format'));
    const inputFormat = isMissing(third) || zoneIsThird ? undefined : short(third, 'dateFormat', 'format');
    const zone = zoneOf(zoneIsThird ? third : fourth, 'dateFormat');
    return formatDate(dateOf(value, inputFormat, 'dateFormat'), short(format, 'dateFormat', 'format'), zone);
  },
};

export const dateScopeHelpers: Readonly<Record<string, ScopeHelper>> = {
  timestamp: ({ environment }, format, zone) => {
    const now = environment.nowMs();
    const inZone = zoneOf(zone, 'timestamp');
    return isMissing(format) ? toIso(now, inZone) : formatDate(now, short(format, 'timestamp', 'format'), inZone);
  },
};
