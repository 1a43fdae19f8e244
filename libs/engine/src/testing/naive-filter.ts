import type { JsonValue } from '#model';
import { naiveNames, naiveRead } from './naive-paths.js';

/** What a rule reads. Nothing that has no value is `undefined`. */
interface Inputs {
  readonly record: JsonValue;
  readonly settings: JsonValue;
  readonly context: JsonValue;
}

/** Stands for a value of the context that no cast has taken out: equal to nothing. */
class Bare {
  constructor(readonly inner: unknown) {}
}

/** The filter language, interpreted the slow and obvious way from its reference (runtime §10). */
export function naiveFilter(rules: unknown, inputs: Inputs): boolean {
  if (rules === undefined || (Array.isArray(rules) && rules.length === 0)) return true;
  return value(rules, inputs) === true;
}

const read = (path: string, root: JsonValue) => naiveRead(naiveNames(path), { root, replaced: [] });
const casts = ['string', 'number', 'boolean', 'epochtime'];

function value(node: unknown, record: Inputs): unknown {
  if (!Array.isArray(node)) return node;
  const [name, first, second] = node as [string, unknown, unknown];
  const text = (v: unknown) => typeof v === 'string';
  const number = (v: unknown) => typeof v === 'number';
  switch (name) {
    case 'extract':
      return read(first as string, record.record);
    case 'settings': {
      const [, scope, key] = /^([^.]*)\.(.*)$/.exec(first as string) ?? [];
      if (scope === undefined || key === undefined) return undefined;
      return naiveRead([scope, key], { root: record.settings, replaced: [] });
    }
    case 'context':
      return new Bare(read(first as string, record.context));
    case 'and':
      return node.slice(1).every((term) => value(term, record) === true);
    case 'or':
      return node.slice(1).some((term) => value(term, record) === true);
    case 'not':
      return value(first, record) !== true;
    case 'anyof': {
      const wanted = value(first, record);
      const isAccess = Array.isArray(second) && ['extract', 'settings', 'context'].includes(second[0] as string);
      const members = isAccess ? value(second, record) : (second as unknown[]).map((member) => value(member, record));
      if (wanted === undefined || wanted instanceof Bare || members instanceof Bare) return false;
      return Array.isArray(members) ? members.some((member) => same(member, wanted)) : same(members, wanted);
    }
  }
  const operand = value(first, record);
  const a: unknown = operand instanceof Bare && casts.includes(name) ? operand.inner : operand;
  const b = value(second, record);
  if ((a instanceof Bare || b instanceof Bare) && !casts.includes(name)) return undefined;
  const none = a === undefined || b === undefined;
  const ordered = (text(a) && text(b)) || (number(a) && number(b));
  switch (name) {
    case 'equals':
      return !none && same(a, b);
    case 'notequals':
      return !none && !same(a, b);
    case 'greaterthan':
      return ordered && (a as number) > (b as number);
    case 'greaterthanequals':
      return ordered && (a as number) >= (b as number);
    case 'lessthan':
      return ordered && (a as number) < (b as number);
    case 'lessthanequals':
      return ordered && (a as number) <= (b as number);
    case 'startswith':
      return text(a) && text(b) && a.indexOf(b) === 0;
    case 'endswith':
      return text(a) && text(b) && a.endsWith(b);
    case 'contains':
      return contains(a, b);
    case 'doesnotcontain':
      return !none && !contains(a, b);
    case 'matches':
      return text(a) && new RegExp(b as string).test(a);
    case 'empty':
    case 'isempty':
      return empty(a);
    case 'notempty':
    case 'isnotempty':
      return !empty(a);
    case 'string':
      if (a === undefined) return undefined;
      if (a === null) return '';
      return text(a) ? a : JSON.stringify(a);
    case 'number':
      if (number(a)) return a;
      if (typeof a === 'boolean') return Number(a);
      return text(a) && a.trim() !== '' && !Number.isNaN(Number(a)) ? Number(a) : undefined;
    case 'boolean':
      if (number(a)) return a !== 0;
      if (typeof a === 'boolean') return a;
      if (!text(a)) return undefined;
      if (['true', '1'].includes(a.trim().toLowerCase())) return true;
      return ['false', '0', ''].includes(a.trim().toLowerCase()) ? false : undefined;
    case 'epochtime': {
      if (number(a)) return a;
      return text(a) ? instant(a.trim()) : undefined;
    }
    case 'lowercase':
      return text(a) ? a.toLowerCase() : undefined;
    case 'uppercase':
      return text(a) ? a.toUpperCase() : undefined;
    case 'ceiling':
      return number(a) ? Math.ceil(a) : undefined;
    case 'floor':
      return number(a) ? Math.floor(a) : undefined;
    case 'abs':
      return number(a) ? Math.abs(a) : undefined;
    default:
      throw new Error(`unknown operator ${name}`);
  }
}

/** Digits are milliseconds; other texts are dates as JavaScript reads them, of UTC where they name no zone. */
function instant(written: string): number | undefined {
  if (/^-?\d{9,}$/.test(written)) return Number(written);
  const isDay = /^\d{4}(-\d\d)?(-\d\d)?$/.test(written);
  const namesZone = /(z|[+-]\d\d:?\d\d|GMT|UTC)$/i.test(written);
  const zone = /^\d{4}-\d\d-\d\dT/.test(written) ? 'Z' : ' UTC';
  const parsed = Date.parse(isDay || namesZone ? written : written + zone);
  return Number.isNaN(parsed) ? undefined : parsed;
}

function same(a: unknown, b: unknown): boolean {
  const isObject = (v: unknown) => typeof v === 'object' && v !== null;
  if (!isObject(a) || !isObject(b)) return a === b;
  return canonical(a) === canonical(b);
}

/** JSON with members in order of their names. */
function canonical(v: unknown): string {
  if (Array.isArray(v)) return `[${v.map(canonical).join(',')}]`;
  if (typeof v !== 'object' || v === null) return JSON.stringify(Object.is(v, -0) ? 0 : v);
  const members = Object.entries(v).sort(([x], [y]) => (x < y ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(',')}}`;
}

function contains(a: unknown, b: unknown): boolean {
  if (Array.isArray(a)) return b !== undefined && a.some((member) => same(member, b));
  return typeof a === 'string' && typeof b === 'string' && a.includes(b);
}

function empty(v: unknown): boolean {
  if (v === undefined || v === null || v === '') return true;
  return typeof v === 'object' && Object.keys(v).length === 0;
}
