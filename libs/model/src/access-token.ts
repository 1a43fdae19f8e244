import { z } from 'zod';
import { anyObject, description, instant, nameOf, ref, serverFields } from './fields.js';

/** Scope arrays of a custom token; mutually exclusive with `fullAccess`. */
export const tokenScopes = ['_connectionIds', '_exportIds', '_importIds', '_apiIds', '_mcpServerIds'] as const;
export type TokenScope = (typeof tokenScopes)[number];

/** What a client may write. Reference: resources §21. */
export const accessTokenInput = z.object({
  name: nameOf(100),
  description: description(),
  fullAccess: z.boolean().optional(),
  _connectionIds: z.array(ref()).optional(),
  _exportIds: z.array(ref()).optional(),
  _importIds: z.array(ref()).optional(),
  _apiIds: z.array(ref()).optional(),
  _mcpServerIds: z.array(ref()).optional(),
  revoked: z.boolean().optional(),
  autoPurgeAt: instant().optional(),
  _integrationId: ref().optional(),
  tokenType: z.enum(['account', 'ashare']).optional(),
  _aShareId: ref().optional(),
  apim: z.array(anyObject()).optional(),
});

export const accessToken = accessTokenInput.extend({
  ...serverFields,
  /** The real token in the answer of its creation, `******` ever after. */
  token: z.string().optional(),
});
export type AccessToken = z.infer<typeof accessToken>;
