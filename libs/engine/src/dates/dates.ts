import moment from 'moment-timezone';

/** Dates with moment's tokens and IANA zones, UTC where nothing says otherwise. Reference: handlebars §8. */

export function isZone(name: string): boolean {
  return moment.tz.zone(name) !== null;
}

/**
 * Reads a date.
 *
 * @param value a text, or milliseconds since the epoch
 * @param format moment tokens of the text; without: ISO 8601, else any text `Date` reads
 * @param zone zone of a text that names none; default UTC
 * @returns milliseconds since the epoch, null when the text is no date
 */
export function parseDate(value: string | number, format?: string, zone = 'UTC'): number | null {
  if (typeof value === 'number' && format === undefined) return Number.isFinite(value) ? value : null;
  const text = String(value).trim();
  if (text === '') return null;
  if (format !== undefined && format !== '') return epochOf(moment.tz(text, format, zone));
  const iso = moment.tz(text, moment.ISO_8601, true, zone);
  if (iso.isValid()) return iso.valueOf();
  if (/^-?\d+$/.test(text)) return Number(text);
  const parsed = Date.parse(/(?:[zZ]|[+-]\d{2}:?\d{2}|GMT|UTC)$/.test(text) ? text : `${text} UTC`);
  return Number.isNaN(parsed) ? null : parsed;
}

function epochOf(date: moment.Moment): number | null {
  return date.isValid() ? date.valueOf() : null;
}

/** @param format moment tokens */
export function formatDate(epochMs: number, format: string, zone = 'UTC'): string {
  return moment.tz(epochMs, zone).format(format);
}

/** ISO 8601: `….000Z` without a zone, with the zone's offset otherwise. */
export function toIso(epochMs: number, zone?: string): string {
  if (zone !== undefined) return moment.tz(epochMs, zone).format('YYYY-MM-DDTHH:mm:ss.SSSZ');
  const date = new Date(epochMs);
  if (Number.isNaN(date.getTime())) throw new Error('The date is out of range.');
  return date.toISOString();
}
