import { z } from 'zod';
import { isRecord } from './json.js';

/**
 * Clients send back what they got elsewhere, nulls included. A null in an optional field means "absent" unless the field
 * knows null as a value; this drops the former before validation. Returns a copy, never mutates.
 */
export function withoutNulls(schema: z.core.$ZodType, value: unknown): unknown {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  switch (def.type) {
    case 'optional':
    case 'nullable':
      return withoutNulls(def.innerType, value);
    case 'lazy':
      return withoutNulls(def.getter(), value);
    case 'pipe':
      return withoutNulls(isTransform(def.in) ? def.out : def.in, value);
    case 'array':
      return Array.isArray(value) ? value.map((element: unknown) => withoutNulls(def.element, element)) : value;
    case 'object':
      return isRecord(value) ? prunedObject(def.shape, value) : value;
    default:
      return value;
  }
}

function prunedObject(shape: Readonly<Record<string, z.core.$ZodType>>, value: Record<string, unknown>): unknown {
  const copy: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    if (key === '__proto__') continue;
    const field = Object.hasOwn(shape, key) ? shape[key] : undefined;
    if (field === undefined) copy[key] = member;
    else if (member !== null || takesNull(field)) copy[key] = withoutNulls(field, member);
    else if (field._zod.optin !== 'optional') copy[key] = null;
  }
  return copy;
}

function isTransform(schema: z.core.$ZodType): boolean {
  return (schema as z.core.$ZodTypes)._zod.def.type === 'transform';
}

const nullTakers = new WeakMap<z.core.$ZodType, boolean>();

function takesNull(schema: z.core.$ZodType): boolean {
  let known = nullTakers.get(schema);
  if (known === undefined) {
    known = z.core.safeParse(schema, null).success;
    nullTakers.set(schema, known);
  }
  return known;
}
