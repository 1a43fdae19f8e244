import { z } from 'zod';
import type { Operation } from '../openapi/operation.js';

const tag = 'state';
const path = '/v1/state';
const keyPath = `${path}/{key}`;

const value = z.unknown().meta({
  type: ['object', 'array', 'string', 'number', 'boolean', 'null'],
  description: 'any JSON',
});

export const stateOperations: readonly Operation[] = [
  {
    method: 'get',
    path,
    id: 'listStateKeys',
    tag,
    summary: 'The keys of the account, in order',
    status: 200,
    response: z.object({ keys: z.array(z.string()) }),
  },
  { method: 'delete', path, id: 'clearState', tag, summary: 'The account keeps nothing any more', status: 204 },
  {
    method: 'get',
    path: keyPath,
    id: 'getState',
    tag,
    summary: 'What is kept under the key',
    status: 200,
    response: value,
  },
  {
    method: 'put',
    path: keyPath,
    id: 'putState',
    tag,
    summary: 'The value is kept under the key',
    request: value,
    status: 200,
    newIs201: true,
    response: value,
  },
  { method: 'delete', path: keyPath, id: 'deleteState', tag, summary: 'The key is gone', status: 204 },
];
