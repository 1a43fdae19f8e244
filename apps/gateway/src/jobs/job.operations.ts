import { z } from 'zod';
import { job, jobStatuses, jobTypes } from '#model';
import type { Operation } from '../openapi/operation.js';
import { maxJobRows } from './job-query.js';

const count = z.number().int().min(0).optional();
const time = z.iso.datetime().optional();

const jobQuery = z.object({
  type: z.enum(jobTypes).optional(),
  type_in: z.string().optional(),
  status: z.enum(jobStatuses).optional(),
  _integrationId: z.string().optional(),
  _flowId: z.string().optional(),
  _flowId_in: z.string().optional(),
  _exportId: z.string().optional(),
  _importId: z.string().optional(),
  _flowJobId: z.string().optional(),
  _parentJobId: z.string().optional(),
  createdAt_gte: time,
  createdAt_lte: time,
  createdAt_gt: time,
  startedAt_gte: time,
  startedAt_lte: time,
  numSuccess_gte: count,
  numSuccess_lte: count,
  numExport_gte: count,
  numExport_lte: count,
  numIgnore_gte: count,
  numIgnore_lte: count,
  numError_gte: count,
  numError_lte: count,
  pageSize: z.number().int().min(1).max(maxJobRows).optional(),
});

const one = { tag: 'jobs', status: 200, response: job } as const;

export const jobOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/jobs',
    id: 'listJobs',
    tag: 'jobs',
    summary: 'Jobs, newest first; continue with createdAt_lte of the last row',
    query: jobQuery,
    status: 200,
    response: z.array(job),
    emptyIs204: true,
  },
  { ...one, method: 'get', path: '/v1/jobs/{id}', id: 'getJob', summary: 'The job with its children' },
  { ...one, method: 'get', path: '/v1/jobs/{id}/family', id: 'getJobFamily', summary: 'The job with its children' },
  {
    ...one,
    method: 'put',
    path: '/v1/jobs/{id}/cancel',
    id: 'cancelJob',
    summary: 'The job, canceling or final',
    request: z.object({}),
    requestOptional: true,
  },
  { ...one, method: 'delete', path: '/v1/jobs/{id}', id: 'cancelJobByDelete', summary: 'The job, canceling or final' },
  {
    ...one,
    method: 'get',
    path: '/v1/jobs/{id}/events',
    id: 'watchJob',
    summary: 'Server-sent events `job`, each with the whole job; the last one carries the final status',
    responseType: 'text/event-stream',
  },
];
