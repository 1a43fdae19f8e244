import { z } from 'zod';
import type { Operation } from '../openapi/operation.js';
import { logLevels, maxLogLines } from './script-log.query.js';

const path = '/v1/scripts/{id}/logs';
const tag = 'scripts';

const query = z.object({
  limit: z.number().int().min(1).max(maxLogLines).optional(),
  offset: z.number().int().min(0).optional(),
  level: z.enum(logLevels).optional(),
  time_gt: z.iso.datetime().optional(),
  startDate: z.iso.datetime().optional(),
  endDate: z.iso.datetime().optional(),
  _flowId: z.string().optional(),
});

const page = z.object({
  logs: z.array(
    z.object({
      time: z.iso.datetime(),
      logLevel: z.enum(logLevels),
      functionType: z.string(),
      _resourceId: z.string(),
      message: z.string(),
    }),
  ),
  nextPageURL: z.string().optional(),
});

export const scriptLogOperations: readonly Operation[] = [
  {
    method: 'get',
    path,
    id: 'listScriptLogs',
    tag,
    summary: 'What the script wrote, newest first',
    query,
    status: 200,
    response: page,
  },
  { method: 'delete', path, id: 'deleteScriptLogs', tag, summary: 'The log of the script is empty', status: 204 },
];
