import { z } from 'zod';

const field = z.object({
  extract: z.string().optional(),
  generate: z.string().optional(),
  _id: z.string().optional(),
  cLocked: z.boolean().optional(),
});

/**
 * Plain arrays. The API this follows stores nulls when either is wrapped in an object; here that is refused with a
 * pointer. Reference: resources §3.4, runtime §15.
 */
export const responseMapping = () =>
  z.strictObject({
    fields: z.array(field).optional(),
    lists: z.array(z.object({ generate: z.string().optional(), fields: z.array(field).optional() })).optional(),
    _id: z.string().optional(),
    cLocked: z.boolean().optional(),
  });
export type ResponseMapping = z.infer<ReturnType<typeof responseMapping>>;
