import { ApiError } from '#failures';
import { isId, type JsonRecord } from '#model';
import { apiCodes } from '../codes.js';
import { notFound } from '../http/refusals.js';

const field = '__integrationIds';
const maxRegistrations = 100;

/**
 * Checks `__integrationIds` of a new connection before it is saved. Reference: resources §6.1.
 *
 * @throws ApiError 400 for too many, 404 for unknown integrations, 422 for anything else
 */
export async function readRegistrations(
  body: JsonRecord,
  read: (ids: readonly string[]) => Promise<ReadonlyMap<string, unknown>>,
): Promise<void> {
  const ids = body[field];
  if (ids === undefined || ids === null) return;
  if (!Array.isArray(ids) || new Set(ids).size !== ids.length) {
    throw ApiError.of(apiCodes.invalid_request, `${field} must be an array without repeats.`, field);
  }
  if (ids.length > maxRegistrations) {
    throw ApiError.of(apiCodes.batch_size_exceeded, `${field} has more than ${maxRegistrations} entries.`, field);
  }
  const malformed = ids.findIndex((id) => !isId(id));
  if (malformed >= 0) {
    throw ApiError.of(apiCodes.invalid_ref, 'The reference is not a valid id.', `${field}[${malformed}]`);
  }
  const known = await read(ids.filter(isId));
  if (known.size < ids.length) throw notFound('integration');
}
