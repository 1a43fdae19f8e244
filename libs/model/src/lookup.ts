import { z } from 'zod';
import { anyObject, nameValues, ref } from './fields.js';

/** Static map, HTTP, SQL or lookup cache lookup of mappings and templates. Reference: runtime §14. */
export const lookup = () =>
  z.object({
    name: z.string().min(1),
    map: anyObject().optional(),
    method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']).optional(),
    relativeURI: z.string().max(131_072).optional(),
    postBody: z.string().optional(),
    body: z.string().optional(),
    headers: nameValues().optional(),
    extract: z.string().optional(),
    query: z.string().optional(),
    _lookupCacheId: ref().optional(),
    /** `""` is refused (`invalid_field`); null is a value. */
    default: z
      .union([z.string(), z.number(), z.boolean(), z.null()])
      .refine((value) => value !== '', {
        params: { code: 'invalid_field' },
        message: 'A lookup default must not be an empty string.',
      })
      .optional(),
    allowFailures: z.boolean().optional(),
    useDefaultOnMultipleMatches: z.boolean().optional(),
  });
export type Lookup = z.infer<ReturnType<typeof lookup>>;

/** Whether a lookup asks something outside of the flow, besides or instead of its static map. Reference: runtime §14. */
export function isDynamicLookup(lookup: Lookup): boolean {
  return lookup.relativeURI !== undefined || lookup.query !== undefined || lookup._lookupCacheId !== undefined;
}
