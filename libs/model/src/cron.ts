import type { Issue } from './issue.js';

/**
 * Schedules of flows and page generators: six fields `? minute hour day-of-month month day-of-week`.
 * Reference: runtime §19, decision 35.
 */

interface FieldRule {
  readonly name: string;
  readonly min: number;
  readonly max: number;
}

const rules: readonly FieldRule[] = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of month', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12 },
  { name: 'day of week', min: 0, max: 6 },
];

/** A valid schedule. */
export interface Cron {
  /** Values of each field after the first, ascending. */
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly daysOfMonth: readonly number[];
  readonly months: readonly number[];
  readonly daysOfWeek: readonly number[];
  /**
   * The same schedule for cron libraries: seconds `0` instead of `?` (libraries read `?` there as "every second", sixty
   * starts a night), and `*` for `?` elsewhere.
   */
  readonly pattern: string;
}

const cronLike = /^[0-9*?,/-]+$/;
/** Days of the longest year's months; February counts 29, so the 29th of February is a schedule. */
const daysPerMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/**
 * Parses a schedule.
 *
 * - free text → `invalid_field`
 * - seconds that would fire more than once a minute → `schedule_not_supported`
 * - anything else that is no schedule → `invalid_value`
 */
export function parseCron(text: string): Cron | Issue {
  const fields = text.trim().split(/\s+/);
  if (text.trim() === '' || fields.some((field) => !cronLike.test(field))) {
    return { code: 'invalid_field', message: `"${text.slice(0, 100)}" is not a cron expression.` };
  }
  if (fields.length !== 6) {
    return invalid(
      `A schedule has six fields: ? minute hour day-of-month month day-of-week; this one has ${fields.length}.`,
    );
  }
  const [seconds = '', ...rest] = fields;
  if (seconds !== '?') {
    return /^\d+$/.test(seconds)
      ? invalid('The first field of a schedule must be ?.')
      : {
          code: 'schedule_not_supported',
          message: 'A schedule must be at least one minute apart; its first field is ?.',
        };
  }
  const values: number[][] = [];
  for (const [index, rule] of rules.entries()) {
    const parsed = parseField(rest[index] ?? '', rule);
    if (typeof parsed === 'string') return invalid(parsed);
    values.push(parsed);
  }
  const [minutes = [], hours = [], daysOfMonth = [], months = [], daysOfWeek = []] = values;
  if (isWild(rest[4] ?? '') && !months.some((month) => (daysOfMonth[0] ?? 1) <= (daysPerMonth[month - 1] ?? 31))) {
    return invalid('The schedule names a day that none of its months has.');
  }
  const pattern = ['0', ...rest.map((field) => field.replaceAll('?', '*'))].join(' ');
  return { minutes, hours, daysOfMonth, months, daysOfWeek, pattern };
}

export function isCron(parsed: Cron | Issue): parsed is Cron {
  return 'pattern' in parsed;
}

function invalid(message: string): Issue {
  return { code: 'invalid_value', message };
}

function isWild(field: string): boolean {
  return field === '*' || field === '?';
}

/** The field's values, or why it has none. */
function parseField(field: string, rule: FieldRule): number[] | string {
  const values = new Set<number>();
  for (const part of field.split(',')) {
    const match = /^(?:(\*|\?)|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(part);
    if (!match) return `"${part}" is no ${rule.name} of a schedule.`;
    const [, wild, first, last, stepText] = match;
    const step = stepText === undefined ? 1 : Number(stepText);
    const from = wild === undefined ? Number(first) : rule.min;
    // `10/15` counts from 10 to the end, as `10-59/15` does
    const to = wild !== undefined || (last === undefined && stepText !== undefined) ? rule.max : Number(last ?? first);
    if (step < 1 || from < rule.min || to > rule.max || from > to) {
      return `"${part}" is outside ${rule.min}-${rule.max}, the range of ${rule.name}.`;
    }
    for (let value = from; value <= to; value += step) values.add(value);
  }
  return [...values].sort((a, b) => a - b);
}
