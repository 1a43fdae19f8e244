import type { JsonValue } from '#model';
import { engineCodes } from '../codes.js';
import { formatDate, parseDate, toIso } from '../dates/index.js';
import { MappingFailure, type ArrayType, type DateConversion, type LookupAnswers, type ScalarType } from './plan.js';

/** Conversions to the data types of mappers. Reference: runtime §12, §13. All take values that are not empty. */

function refuse(value: unknown, label: string, type: string): never {
  const shown = JSON.stringify(value)?.slice(0, 200);
  throw new MappingFailure({
    code: engineCodes.cast_failed.code,
    message: `The field ${label} cannot be made a ${type} from ${shown}.`,
    classification: 'value',
  });
}

export function toText(value: JsonValue): string {
  if (typeof value === 'string') return value;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export function toNumber(value: JsonValue, label: string): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'string' && value.trim() !== '') {
    const number = Number(value);
    if (Number.isFinite(number)) return number;
  }
  return refuse(value, label, 'number');
}

/** Truthiness, except that the texts "false" and "0" are false. */
export function toBoolean(value: JsonValue): boolean {
  if (typeof value !== 'string') return Boolean(value);
  const text = value.trim().toLowerCase();
  return text !== 'false' && text !== '0' && text !== '';
}

function toJson(value: JsonValue, label: string): JsonValue {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value) as JsonValue;
  } catch {
    return refuse(value, label, 'JSON value');
  }
}

export type Cast = (value: JsonValue, label: string) => JsonValue;

/** A cast of an array's elements, which may look them up first. */
export type ElementCast = (value: JsonValue, label: string, answers: LookupAnswers | undefined) => JsonValue;

export const scalarCasts: Readonly<Record<ScalarType, Cast>> = {
  any: (value) => value,
  string: toText,
  number: toNumber,
  boolean: toBoolean,
  json: toJson,
};

export function toObject(value: JsonValue, label: string): JsonValue {
  const parsed = typeof value === 'string' ? toJson(value, label) : value;
  return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
    ? parsed
    : refuse(value, label, 'object');
}

/** Casts of the elements of array types. Copied objects stay as they are. */
export const elementCasts: Readonly<Record<ArrayType, Cast>> = {
  stringarray: toText,
  numberarray: toNumber,
  booleanarray: toBoolean,
  objectarray: (value) => value,
  arrayarray: (value) => (Array.isArray(value) ? value : [value]),
};

/** An array as it is, nothing as no elements, anything else as one. */
export function asList(value: JsonValue | undefined): readonly JsonValue[] {
  if (Array.isArray(value)) return value as readonly JsonValue[];
  return value === undefined || value === null || value === '' ? [] : [value];
}

export function isEmptySource(value: JsonValue | undefined): boolean {
  return value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);
}

/** Appends the elements of a value; null elements stay null. */
export function append(
  target: JsonValue[],
  value: JsonValue | undefined,
  cast: ElementCast,
  label: string,
  answers: LookupAnswers | undefined,
): void {
  for (const element of asList(value)) target.push(element === null ? null : cast(element, label, answers));
}

/** Joins a part to its array, on its own terms where it is empty. */
export function joinPart(
  whole: JsonValue[] | undefined,
  part: JsonValue[] | undefined,
  terms: { readonly onlyIfPresent: boolean; readonly fallback?: JsonValue },
): JsonValue[] | undefined {
  if (part !== undefined && part.length > 0) return whole === undefined ? part : [...whole, ...part];
  if (terms.onlyIfPresent) return whole;
  if (terms.fallback !== undefined) return [...(whole ?? []), ...asList(terms.fallback)];
  return whole ?? part;
}

/** Elements by index; holes are null. */
export function toIndexed(members: Readonly<Record<string, JsonValue>> | undefined): JsonValue[] | undefined {
  if (members === undefined) return undefined;
  const elements: JsonValue[] = [];
  for (const [index, value] of Object.entries(members)) elements[Number(index)] = value;
  return Array.from(elements, (element) => element ?? null);
}

/** Reference: runtime §12 (date formats are moment's tokens, zones IANA names; UTC without). */
export function convertDate(value: JsonValue, conversion: DateConversion, label: string): string {
  if (typeof value !== 'number' && typeof value !== 'string') return refuse(value, label, 'date');
  const epoch = parseDate(value, conversion.extractFormat, conversion.extractZone);
  if (epoch === null) return refuse(value, label, 'date');
  return conversion.generateFormat === undefined
    ? toIso(epoch, conversion.generateZone)
    : formatDate(epoch, conversion.generateFormat, conversion.generateZone ?? conversion.extractZone);
}
