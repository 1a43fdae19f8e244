import type { JsonValue, Lookup } from '#model';
import { isBlank, isObject, naiveNames, naiveRead, type Composite } from './naive-paths.js';

/** Values of single fields of both mappers, the slow and obvious way. Failures are thrown. Reference: runtime §12-§14. */

export interface NaiveField {
  readonly dataType?: string | undefined;
  readonly lookupName?: string | undefined;
  readonly extractDateFormat?: string | undefined;
  readonly generateDateFormat?: string | undefined;
}

/** `{{record.a.b}}` and text around it; the paths hold scalars only. */
export function naiveTemplate(template: string, composite: Composite): string {
  return template.replaceAll(/\{\{([^}]*)\}\}/g, (_, path: string) => {
    const names = naiveNames(path);
    const value = naiveRead(names[0] === 'record' ? names.slice(1) : names, composite);
    return isBlank(value) ? '' : naiveText(value);
  });
}

/** Lookup, date, type: in that order; a lookup that allows its failure gives null, which stays. */
export function naiveConvert(field: NaiveField, type: string, value: JsonValue, lookups: readonly Lookup[]): JsonValue {
  let current = value;
  if (field.lookupName !== undefined) {
    const found = naiveLookup(field.lookupName, value, lookups);
    if (found === null) return null;
    current = found;
  }
  if (field.generateDateFormat !== undefined) current = naiveDate(current);
  return naiveCast(type, current);
}

export function naiveLookup(name: string, value: JsonValue, lookups: readonly Lookup[]): JsonValue {
  const lookup = lookups.find((one) => one.name === name);
  const key = naiveText(value);
  for (const [from, to] of Object.entries(lookup?.map ?? {})) if (from === key) return to as JsonValue;
  if (lookup?.allowFailures !== true) throw new Error(`lookup ${key}`);
  return lookup.default ?? null;
}

/** `YYYY-MM-DD` as `DD/MM/YYYY`: the only conversion that the differential tests ask for. */
function naiveDate(value: JsonValue): string {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(naiveText(value)) ?? [];
  if (year === undefined) throw new Error('date');
  return `${day}/${month}/${year}`;
}

export function naiveText(value: JsonValue): string {
  if (typeof value === 'string') return value;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export function naiveCast(type: string, value: JsonValue): JsonValue {
  switch (type) {
    case 'any':
      return value;
    case 'string':
      return naiveText(value);
    case 'number': {
      if (typeof value === 'number') return value;
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
      if (!Number.isFinite(number)) throw new Error('number');
      return number;
    }
    case 'boolean':
      return typeof value === 'string' ? !['false', '0', ''].includes(value.trim().toLowerCase()) : Boolean(value);
    case 'json':
      return typeof value === 'string' ? (JSON.parse(value) as JsonValue) : value;
    case 'object': {
      const object = typeof value === 'string' ? (JSON.parse(value) as JsonValue) : value;
      if (!isObject(object)) throw new Error('object');
      return object;
    }
    case 'array':
      return Array.isArray(value) ? value : [value];
    default:
      throw new Error(`no type ${type}`);
  }
}

/** The type of the elements of an array type; of `objectarray` they stay what they are. */
export function naiveElementType(arrayType: string): string {
  const type = arrayType.replace(/array$/, '');
  return type === 'object' ? 'any' : type;
}

/** A default in the field's type where it can be converted. */
export function naiveDefault(value: JsonValue, type: string): JsonValue {
  if (value === null || value === '') return value;
  try {
    if (!type.endsWith('array')) return naiveCast(type, value);
    const elements = Array.isArray(value) ? (value as JsonValue[]) : [value];
    return elements.map((element) => (element === null ? null : naiveCast(naiveElementType(type), element)));
  } catch {
    return value;
  }
}
