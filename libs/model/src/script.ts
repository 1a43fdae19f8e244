import { z } from 'zod';
import { instant, nameOf, serverFields } from './fields.js';

/** What a client may write. Reference: resources §9. */
export const scriptInput = z.object({
  name: nameOf(100),
  description: z.string().max(1024).optional(),
  /** JavaScript. Omitted on create: empty; omitted on PUT: kept. */
  content: z.string().optional(),
  postResponseHookToProcessOnChildRecord: z.boolean().optional(),
  debugUntil: instant().optional(),
  externalId: z.string().optional(),
  sandbox: z.boolean().optional(),
});

export const script = scriptInput.extend(serverFields);
export type Script = z.infer<typeof script>;
