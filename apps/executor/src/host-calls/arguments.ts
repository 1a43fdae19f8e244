import { z } from 'zod';
import { isId, type JsonRecord, type JsonValue } from '#model';
import { HostCallError, type HostFunctionName } from '#sandbox';
import type { AskedWindow } from './flow-calls.js';

const id = z.string().refine(isId, 'must be the id of a resource');
const definition = z.record(z.string(), z.unknown());
const records = z.array(z.unknown());
const instant = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()])
  .transform((text) => new Date(text).toISOString());
/** Reference: resources §19 names no bounds. */
const key = z.string().min(1).max(256);

/** Arguments by function; a member that has no meaning here is refused rather than passed over. Reference: runtime §16.2. */
const schemas = {
  'exports.run': z.tuple([z.strictObject({ _id: id })]),
  'exports.runVirtual': z.tuple([z.strictObject({ export: definition })]),
  'flows.run': z.tuple([
    z.strictObject({
      _id: id,
      export: z.strictObject({ startDate: instant.optional(), endDate: instant.optional() }).optional(),
    }),
  ]),
  'imports.run': z.tuple([z.strictObject({ _id: id, data: records })]),
  'imports.runVirtual': z.tuple([z.strictObject({ import: definition, data: records })]),
  'state.get': z.tuple([key]),
  'state.put': z.tuple([key, z.unknown()]),
  'state.delete': z.tuple([key]),
  'state.find': z.tuple([]),
} satisfies Readonly<Record<HostFunctionName, z.ZodType>>;

export type HostArguments =
  | { readonly name: 'flows.run'; readonly id: string; readonly window: AskedWindow }
  | { readonly name: 'exports.run'; readonly id: string }
  | { readonly name: 'exports.runVirtual'; readonly step: JsonRecord }
  | { readonly name: 'imports.run'; readonly id: string; readonly records: readonly unknown[] }
  | { readonly name: 'imports.runVirtual'; readonly step: JsonRecord; readonly records: readonly unknown[] }
  | { readonly name: 'state.get' | 'state.delete'; readonly key: string }
  | { readonly name: 'state.put'; readonly key: string; readonly value: JsonValue }
  | { readonly name: 'state.find' };

/**
 * @param values JSON of the array of arguments, as hostile as the script
 * @throws HostCallError `not_supported` for a function that there is not, `invalid_argument`
 */
export function hostArguments(name: string, values: string): HostArguments {
  const given: unknown = JSON.parse(values);
  switch (name) {
    case 'exports.run':
      return { name, id: parsed(name, given)[0]._id };
    case 'exports.runVirtual':
      return { name, step: parsed(name, given)[0].export as JsonRecord };
    case 'flows.run': {
      const [{ _id, export: window = {} }] = parsed(name, given);
      return { name, id: _id, window };
    }
    case 'imports.run': {
      const [{ _id, data }] = parsed(name, given);
      return { name, id: _id, records: data };
    }
    case 'imports.runVirtual': {
      const [{ import: step, data }] = parsed(name, given);
      return { name, step: step as JsonRecord, records: data };
    }
    case 'state.get':
    case 'state.delete':
      return { name, key: parsed(name, given)[0] };
    case 'state.put': {
      const [at, value] = parsed(name, given);
      return { name, key: at, value: (value ?? null) as JsonValue };
    }
    case 'state.find':
      parsed(name, given);
      return { name };
    default:
      throw new HostCallError('not_supported', `${name} is not supported.`);
  }
}

function parsed<N extends HostFunctionName>(name: N, given: unknown): z.infer<(typeof schemas)[N]> {
  const result = schemas[name].safeParse(given);
  if (result.success) return result.data as z.infer<(typeof schemas)[N]>;
  const issues = result.error.issues.map(({ path, message }) => `${path.slice(1).join('.') || 'argument'}: ${message}`);
  throw new HostCallError('invalid_argument', `${name} does not take this: ${issues.join('; ')}.`);
}
