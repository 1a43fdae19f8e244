import { z } from 'zod';
import { connection } from '#model';
import type { Operation } from '../openapi/operation.js';
import { registrationRequest } from './registration.controller.js';

const path = '/v1/integrations/{id}/connections';
const tag = 'integrations';

export const registrationOperations: readonly Operation[] = [
  {
    method: 'get',
    path,
    id: 'listConnectionsOfIntegration',
    tag,
    summary: 'Connections registered in the integration',
    status: 200,
    response: z.array(connection),
    emptyIs204: true,
  },
  {
    method: 'put',
    path: `${path}/register`,
    id: 'registerConnections',
    tag,
    summary: 'The connections are registered in the integration',
    request: registrationRequest,
    status: 204,
  },
  {
    method: 'delete',
    path: `${path}/{connectionId}/register`,
    id: 'unregisterConnection',
    tag,
    summary: 'The connection is no longer registered in the integration',
    status: 204,
  },
];
