import jsonPatch from 'fast-json-patch';
import { z } from 'zod';
import { ApiError } from '#failures';
import { isHostileKey, isRecord, type JsonRecord } from '#model';
import { apiCodes } from '../codes.js';

/** JSON Patch (RFC 6902), the operations that change one white-listed place. Reference: resources §1.6. */
export const jsonPatchSchema = z
  .array(z.object({ op: z.string(), path: z.string(), value: z.unknown().optional() }))
  .max(1000);

interface Operation {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: string;
  readonly segments: readonly string[];
  readonly value: unknown;
}

/**
 * Applies a patch to a copy of the document.
 *
 * @param patchable white-listed paths, `*` for array indices
 * @throws ApiError 422: `not_allowed` for a path outside the white list or another operation, `invalid_request` for what
 *   is no patch, `invalid_field_value` for a place that does not exist
 */
export function applyPatch(document: JsonRecord, body: unknown, patchable: readonly string[]): JsonRecord {
  const parsed = jsonPatchSchema.safeParse(body);
  if (!parsed.success) {
    throw ApiError.of(apiCodes.invalid_request, 'The body must be an array of JSON Patch operations.');
  }
  const operations = parsed.data.map((entry) => toOperation(entry, patchable));
  let patched: unknown = structuredClone(document);
  for (const operation of operations) patched = applyOne(patched, operation);
  return patched as JsonRecord;
}

function toOperation(entry: { op: string; path: string; value?: unknown }, patchable: readonly string[]): Operation {
  const { op, path, value } = entry;
  const shown = path.slice(0, 200);
  if (op !== 'add' && op !== 'replace' && op !== 'remove') {
    throw ApiError.of(
      apiCodes.not_allowed,
      `The operation ${op.slice(0, 20)} is not supported; use replace or remove.`,
    );
  }
  const segments = path.split('/').slice(1).map(unescapeSegment);
  const isListed =
    path.startsWith('/') && !segments.some(isHostileKey) && patchable.some((pattern) => matches(pattern, segments));
  if (!isListed) throw ApiError.of(apiCodes.not_allowed, `${shown} is not a whitelisted property`, shown);
  if (op !== 'remove' && value === undefined) {
    throw ApiError.of(apiCodes.missing_required_field, `The operation on ${shown} has no value.`, shown);
  }
  return { op, path, segments, value };
}

function matches(pattern: string, segments: readonly string[]): boolean {
  const names = pattern.split('.');
  return (
    names.length === segments.length &&
    names.every((name, i) => (name === '*' ? /^(0|[1-9]\d{0,5})$/.test(segments[i] ?? '') : name === segments[i]))
  );
}

function unescapeSegment(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~');
}

/**
 * Defaults are not written into documents (decision 33), so a `replace` may name a field that is not stored: it is set,
 * its parents made; removing what is not there changes nothing.
 */
function applyOne(document: unknown, { op, path, segments, value }: Operation): unknown {
  const parent = parentOf(document, segments, op !== 'remove', path);
  if (parent === null) return document;
  const last = segments.at(-1) ?? '';
  if (op === 'remove' && !Object.hasOwn(parent, last)) return document;
  const operation = op === 'remove' ? { op, path } : { op: 'add' as const, path, value };
  return jsonPatch.applyPatch(document, [operation], true, true, true).newDocument;
}

/** The object that holds the place; null when there is none and none is to be made. */
function parentOf(document: unknown, segments: readonly string[], make: boolean, path: string): object | null {
  let node = document;
  for (const segment of segments.slice(0, -1)) {
    if (Array.isArray(node)) node = node[Number(segment)];
    else if (isRecord(node)) {
      if (!Object.hasOwn(node, segment) && make && !/^\d+$/.test(segment)) node[segment] = {};
      node = node[segment];
    }
    if (typeof node === 'object' && node !== null) continue;
    if (!make && node === undefined) return null;
    throw ApiError.of(apiCodes.invalid_field_value, `${path.slice(0, 200)} does not exist.`, path.slice(0, 200));
  }
  return node as object;
}
