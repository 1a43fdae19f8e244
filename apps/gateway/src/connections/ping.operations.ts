import { z } from 'zod';
import { connectionInput } from '#model';
import type { Operation } from '../openapi/operation.js';

const pingAnswer = z.object({
  code: z.number().int(),
  errors: z.array(z.object({ code: z.string(), message: z.string() })).optional(),
});
const shared = { tag: 'connections', status: 200, response: pingAnswer } as const;

export const pingOperations: readonly Operation[] = [
  {
    ...shared,
    method: 'get',
    path: '/v1/connections/{id}/ping',
    id: 'pingConnection',
    summary: 'How the connection answers',
  },
  {
    ...shared,
    method: 'post',
    path: '/v1/connections/{id}/ping',
    id: 'pingConnectionAgain',
    summary: 'How the connection answers',
    request: z.object({}),
    requestOptional: true,
  },
  {
    ...shared,
    method: 'post',
    path: '/v1/connections/ping',
    id: 'pingUnsavedConnection',
    summary: 'How an unsaved connection answers',
    request: connectionInput,
  },
];
