import { z } from 'zod';
import { classifications, failureSources } from '#failures';
import { job, stepError } from '#model';
import type { Operation } from '../openapi/operation.js';
import { startRunAnswer, startRunRequest } from './run/start-run.request.js';

const flow = '/v1/flows/{id}';
const tag = 'flows';

const errorQuery = z.object({
  occurredAt_gte: z.iso.datetime().optional(),
  occurredAt_lte: z.iso.datetime().optional(),
  source: z.enum(failureSources).optional(),
  classification: z.enum(classifications).optional(),
  _flowJobId: z.string().optional(),
  limit: z.number().int().min(1).max(1000).optional(),
  after: z.string().optional(),
});

const errorPage = z.object({ errors: z.array(stepError), nextPageURL: z.string().optional() });

const flowErrors = z.object({
  flowErrors: z.array(z.object({ _expOrImpId: z.string(), numError: z.number().int(), lastErrorAt: z.iso.datetime() })),
});

const retryData = z.object({
  data: z.unknown(),
  stage: z.string(),
  traceKey: z.string().optional(),
  dataURI: z.string().optional(),
  files: z.array(z.record(z.string(), z.unknown())).optional(),
});

const exchange = z.record(z.string(), z.unknown());

const stepErrors = (path: string, id: string): Operation => ({
  method: 'get',
  path: `${flow}/${path}/errors`,
  id,
  tag,
  summary: 'Open errors of the step, newest first',
  query: errorQuery,
  status: 200,
  response: errorPage,
});

export const flowOperations: readonly Operation[] = [
  {
    method: 'post',
    path: `${flow}/run`,
    id: 'runFlow',
    tag,
    summary: 'The job of the run',
    request: startRunRequest,
    requestOptional: true,
    status: 201,
    response: startRunAnswer,
  },
  {
    method: 'get',
    path: `${flow}/jobs/latest`,
    id: 'getLatestJobs',
    tag,
    summary: 'The latest run of each page generator',
    status: 200,
    response: z.array(job),
    emptyIs204: true,
  },
  {
    method: 'post',
    path: `${flow}/jobs/cancel`,
    id: 'cancelJobsOfFlow',
    tag,
    summary: 'All runs of the flow are canceling',
    request: z.object({}),
    requestOptional: true,
    status: 204,
  },
  {
    method: 'get',
    path: `${flow}/errors`,
    id: 'getFlowErrors',
    tag,
    summary: 'Numbers of open errors by step',
    status: 200,
    response: flowErrors,
  },
  stepErrors('{stepId}', 'listStepErrors'),
  stepErrors('exports/{stepId}', 'listExportErrors'),
  stepErrors('imports/{stepId}', 'listImportErrors'),
  {
    method: 'get',
    path: `${flow}/{stepId}/{retryDataKey}/data`,
    id: 'getRetryData',
    tag,
    summary: 'What a retry would use',
    status: 200,
    response: retryData,
  },
  {
    method: 'get',
    path: `${flow}/{stepId}/requests/{reqAndResKey}`,
    id: 'getStoredExchange',
    tag,
    summary: 'The stored HTTP exchange of a failed call',
    status: 200,
    response: exchange,
  },
];
