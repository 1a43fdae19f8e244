/** Comparisons, casts and functions of expression filters, on values. Reference: runtime §10. */

export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (typeof value !== 'object') return false;
  if (Array.isArray(value)) return value.length === 0;
  for (const key in value) if (Object.hasOwn(value, key)) return false;
  return true;
}

/** Type sensitive; arrays and objects are equal when their JSON content is. Missing equals nothing. */
export function isEqual(left: unknown, right: unknown): boolean {
  if (left === right) return left !== undefined;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left)) {
    if (!Array.isArray(right) || left.length !== right.length) return false;
    return left.every((element, index) => isEqual(element, right[index]));
  }
  if (Array.isArray(right)) return false;
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  const a = left as Record<string, unknown>;
  const b = right as Record<string, unknown>;
  return keys.every((key) => Object.hasOwn(right, key) && isEqual(a[key], b[key]));
}

/** Both numbers, or both strings (compared by code unit); everything else has no order. */
export function isOrdered(left: unknown, right: unknown): boolean {
  return (
    (typeof left === 'number' && typeof right === 'number') || (typeof left === 'string' && typeof right === 'string')
  );
}

/** Substring of a text, or member of an array. */
export function holds(container: unknown, part: unknown): boolean {
  if (typeof container === 'string') return typeof part === 'string' && container.includes(part);
  return Array.isArray(container) && container.some((element) => isEqual(element, part));
}

export function toText(value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  if (value === null) return '';
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : JSON.stringify(value);
}

export function toNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const number = Number(value);
  return Number.isNaN(number) ? undefined : number;
}

export function toBoolean(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return value !== 0;
  if (typeof value !== 'string') return undefined;
  const text = value.trim().toLowerCase();
  if (text === 'true' || text === '1') return true;
  return text === 'false' || text === '0' || text === '' ? false : undefined;
}

/** Milliseconds since the epoch: of a number as it is, of a date text as ISO 8601 or RFC 2822, UTC where it names no zone. */
export function toEpochTime(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  if (/^-?\d{9,}$/.test(text)) return Number(text);
  const zoned = /(?:[zZ]|[+-]\d{2}:?\d{2}|GMT|UTC)$/.test(text) || /^\d{4}(?:-\d{2}){0,2}$/.test(text);
  const epoch = Date.parse(zoned ? text : /^\d{4}-\d{2}-\d{2}T/.test(text) ? `${text}Z` : `${text} UTC`);
  return Number.isNaN(epoch) ? undefined : epoch;
}
