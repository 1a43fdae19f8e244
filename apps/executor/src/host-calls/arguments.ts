import { z } from 'zod';
import { isId, stateLimits, type JsonRecord, type JsonValue } from '#model';
import { HostCallError, type HostFunctionName } from '#sandbox';
import { pagedExportState, type PagedExportState } from '#try-outs';
import { type ApiRequest, apiRequestArgument, apiRequestOf } from './api-request.js';
import type { AskedWindow } from './flow-calls.js';
import type { NamedStep } from './named-steps.js';

const id = z.string().refine(isId, 'must be the id of a resource');
const definition = z.record(z.string(), z.unknown());
const records = z.array(z.unknown());
const instant = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()])
  .transform((text) => new Date(text).toISOString());
const key = z.string().min(1).max(stateLimits.keyLength);

/**
 * Arguments by function; a member that has no meaning here is refused rather than passed over. Reference: runtime §16.2;
 * those of `connections` follow `POST /connections/{id}/export` and `/import` (resources §6.1).
 */
const schemas = {
  'connections.run': z.tuple([
    z.union(
      [
        z.strictObject({ _id: id, _exportId: id, data: records.optional() }),
        z.strictObject({ _id: id, _importId: id, data: records }),
      ],
      { error: 'must be {_id, _exportId, data?} or {_id, _importId, data}' },
    ),
  ]),
  'connections.runVirtual': z.tuple([
    z.union(
      [
        z.strictObject({ _id: id, export: definition, data: records.optional() }),
        z.strictObject({ _id: id, import: definition, data: records }),
      ],
      { error: 'must be {_id, export, data?} or {_id, import, data}' },
    ),
  ]),
  'exports.run': z.tuple([z.strictObject({ _id: id, data: records.optional() })]),
  'exports.runVirtual': z.tuple([z.strictObject({ export: definition, data: records.optional() })]),
  'exports.runVirtualWithPaging': z.tuple([
    z.strictObject({ export: definition, pagedExportState: pagedExportState.nullish() }),
  ]),
  'flows.run': z.tuple([
    z.strictObject({
      _id: id,
      export: z.strictObject({ startDate: instant.optional(), endDate: instant.optional() }).optional(),
    }),
  ]),
  'imports.run': z.tuple([z.strictObject({ _id: id, data: records })]),
  'imports.runVirtual': z.tuple([z.strictObject({ import: definition, data: records })]),
  request: z.tuple([apiRequestArgument]),
  'state.get': z.tuple([key]),
  'state.put': z.tuple([key, z.unknown()]),
  'state.delete': z.tuple([key]),
  'state.find': z.tuple([]),
} satisfies Readonly<Record<HostFunctionName, z.ZodType>>;

/** What a script wants done. */
export type HostArguments =
  | { readonly kind: 'read'; readonly step: NamedStep }
  | { readonly kind: 'page'; readonly step: NamedStep; readonly state: PagedExportState | undefined }
  | { readonly kind: 'lookup' | 'write'; readonly step: NamedStep; readonly records: readonly unknown[] }
  | { readonly kind: 'request'; readonly request: ApiRequest }
  | { readonly kind: 'start'; readonly flowId: string; readonly window: AskedWindow }
  | { readonly kind: 'get' | 'delete'; readonly key: string }
  | { readonly kind: 'put'; readonly key: string; readonly value: JsonValue }
  | { readonly kind: 'find' };

/**
 * @param values JSON of the array of arguments, as hostile as the script
 * @throws HostCallError `not_supported` for a function that there is not, `invalid_argument`
 */
export function hostArguments(name: string, values: string): HostArguments {
  const given: unknown = JSON.parse(values);
  switch (name) {
    case 'connections.run': {
      const [asked] = parsed(name, given);
      const { _id: connectionId } = asked;
      if ('_importId' in asked) return write({ id: asked._importId, connectionId }, asked.data);
      return readOrLookup({ id: asked._exportId, connectionId }, asked.data);
    }
    case 'connections.runVirtual': {
      const [asked] = parsed(name, given);
      const { _id: connectionId } = asked;
      if ('import' in asked) return write({ definition: asked.import as JsonRecord, connectionId }, asked.data);
      return readOrLookup({ definition: asked.export as JsonRecord, connectionId }, asked.data);
    }
    case 'exports.run': {
      const [asked] = parsed(name, given);
      return readOrLookup({ id: asked._id }, asked.data);
    }
    case 'exports.runVirtual': {
      const [asked] = parsed(name, given);
      return readOrLookup({ definition: asked.export as JsonRecord }, asked.data);
    }
    case 'exports.runVirtualWithPaging': {
      const [asked] = parsed(name, given);
      const step = { definition: asked.export as JsonRecord };
      return { kind: 'page', step, state: asked.pagedExportState ?? undefined };
    }
    case 'flows.run': {
      const [{ _id, export: window = {} }] = parsed(name, given);
      return { kind: 'start', flowId: _id, window };
    }
    case 'imports.run': {
      const [asked] = parsed(name, given);
      return write({ id: asked._id }, asked.data);
    }
    case 'imports.runVirtual': {
      const [asked] = parsed(name, given);
      return write({ definition: asked.import as JsonRecord }, asked.data);
    }
    case 'request':
      return { kind: 'request', request: apiRequestOf(parsed(name, given)[0]) };
    case 'state.get':
      return { kind: 'get', key: parsed(name, given)[0] };
    case 'state.delete':
      return { kind: 'delete', key: parsed(name, given)[0] };
    case 'state.put': {
      const [at, value] = parsed(name, given);
      return { kind: 'put', key: at, value: (value ?? null) as JsonValue };
    }
    case 'state.find':
      parsed(name, given);
      return { kind: 'find' };
    default:
      throw new HostCallError('not_supported', `${name} is not supported.`);
  }
}

/** Records are what a lookup is asked with. */
function readOrLookup(step: NamedStep, data: readonly unknown[] | undefined): HostArguments {
  return data === undefined ? { kind: 'read', step } : { kind: 'lookup', step, records: data };
}

function write(step: NamedStep, data: readonly unknown[]): HostArguments {
  return { kind: 'write', step, records: data };
}

function parsed<N extends HostFunctionName>(name: N, given: unknown): z.infer<(typeof schemas)[N]> {
  const result = schemas[name].safeParse(given);
  if (result.success) return result.data as z.infer<(typeof schemas)[N]>;
  const issues = result.error.issues.map(({ path, message }) => `${path.slice(1).join('.') || 'argument'}: ${message}`);
  throw new HostCallError('invalid_argument', `${name} does not take this: ${issues.join('; ')}.`);
}
