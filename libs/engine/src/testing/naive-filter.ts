import { compilePath } from '../paths/index.js';

/**
 * The filter language, interpreted the slow and obvious way from its reference (runtime §10); what the compiler must agree
 * with. `missing` is the JavaScript undefined.
 */
export function naiveFilter(rules: unknown, record: unknown): boolean {
  if (rules === undefined || (Array.isArray(rules) && rules.length === 0)) return true;
  return value(rules, record) === true;
}

function value(node: unknown, record: unknown): unknown {
  if (!Array.isArray(node)) return node;
  const [name, first, second] = node as [string, unknown, unknown];
  const text = (v: unknown) => typeof v === 'string';
  const number = (v: unknown) => typeof v === 'number';
  switch (name) {
    case 'extract':
      return compilePath(first as string)?.(record);
    case 'and':
      return node.slice(1).every((term) => value(term, record) === true);
    case 'or':
      return node.slice(1).some((term) => value(term, record) === true);
    case 'not':
      return value(first, record) !== true;
    case 'anyof': {
      const wanted = value(first, record);
      return wanted !== undefined && (second as readonly unknown[]).some((member) => same(member, wanted));
    }
  }
  const a = value(first, record);
  const b = value(second, record);
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
