import { formatDate, isZone, parseDate, toIso } from '../../dates/index.js';
import { isMissing, number, text } from './arguments.js';
import type { StateHelper, ValueHelper } from './types.js';

function zoneOf(value: unknown, helper: string): string | undefined {
  if (isMissing(value)) return undefined;
  const zone = text(value);
  if (!isZone(zone)) throw new Error(`${helper}: '${zone}' is not a time zone.`);
  return zone;
}

function dateOf(value: unknown, format: string | undefined, zone: string | undefined, helper: string): number {
  const epoch = parseDate(typeof value === 'number' ? value : text(value), format, zone);
  if (epoch === null) throw new Error(`${helper}: '${text(value)}' is not a date.`);
  return epoch;
}

/** Reference: handlebars §4.4. A missing date prints nothing; a text that is no date fails the record. */
export const dateHelpers: Readonly<Record<string, ValueHelper>> = {
  dateAdd: (value, offset, zone) => {
    if (isMissing(value)) return '';
    const shift = isMissing(offset) ? 0 : number(offset);
    if (Number.isNaN(shift)) throw new Error('dateAdd: the offset must be a number of milliseconds.');
    return toIso(dateOf(value, undefined, undefined, 'dateAdd') + shift, zoneOf(zone, 'dateAdd'));
  },
  dateFormat: (format, value, third, fourth) => {
    if (isMissing(value)) return '';
    // One guide passes the zone as third argument (handlebars §4.4).
    const zoneIsThird = isMissing(fourth) && !isMissing(third) && isZone(text(third));
    const inputFormat = isMissing(third) || zoneIsThird ? undefined : text(third);
    const zone = zoneOf(zoneIsThird ? third : fourth, 'dateFormat');
    return formatDate(dateOf(value, inputFormat, undefined, 'dateFormat'), text(format), zone);
  },
};

export const dateStateHelpers: Readonly<Record<string, StateHelper>> = {
  timestamp: (state, format, zone) => {
    const now = state.environment.nowMs();
    const inZone = zoneOf(zone, 'timestamp');
    return isMissing(format) ? toIso(now, inZone) : formatDate(now, text(format), inZone);
  },
};
