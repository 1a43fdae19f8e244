import { z } from 'zod';
import type { Operation } from '../openapi/operation.js';

export const tokenInfoOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/tokenInfo',
    id: 'getTokenInfo',
    tag: 'accesstokens',
    summary: 'Whose token this is; scope is absent on custom tokens',
    status: 200,
    response: z.object({ _userId: z.string(), scope: z.literal('*').optional() }),
  },
];
