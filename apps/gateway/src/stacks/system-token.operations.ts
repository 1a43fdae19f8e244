import { z } from 'zod';
import type { Operation } from '../openapi/operation.js';

const path = '/v1/stacks/{id}/systemToken';

export const systemTokenOperations: readonly Operation[] = [
  {
    method: 'get',
    path,
    id: 'getSystemToken',
    tag: 'stacks',
    summary: 'The token that the server of the stack knows its caller by',
    status: 200,
    response: z.object({ systemToken: z.string() }),
  },
  {
    method: 'delete',
    path,
    id: 'recycleSystemToken',
    tag: 'stacks',
    summary: 'The stack has a new token; the old one is worth nothing to it any more',
    status: 204,
  },
];
