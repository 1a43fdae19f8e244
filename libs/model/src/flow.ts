import { z } from 'zod';
import { branchFilter } from './expressions.js';
import {
  aliases,
  anyObject,
  functionReference,
  instant,
  nameOf,
  ref,
  serverFields,
  settingsFields,
  sharedFields,
} from './fields.js';
import { responseMapping } from './response-mapping.js';

/** Reference: resources §3.3. */
export const pageGenerator = z.object({
  _exportId: ref().optional(),
  schedule: z.string().optional(),
  skipRetries: z.boolean().optional(),
  setupInProgress: z.boolean().optional(),
  _keepDeltaBehindFlowId: ref().optional(),
  _keepDeltaBehindExportId: ref().optional(),
});
export type PageGenerator = z.infer<typeof pageGenerator>;

/** Reference: resources §3.4. */
export const pageProcessor = z.object({
  type: z.enum(['export', 'import']),
  _exportId: ref().optional(),
  _importId: ref().optional(),
  proceedOnFailure: z.boolean().optional(),
  responseMapping: responseMapping().optional(),
  hooks: z.object({ postResponseMap: functionReference().optional() }).optional(),
  setupInProgress: z.boolean().optional(),
});
export type PageProcessor = z.infer<typeof pageProcessor>;

export const branch = z.object({
  name: nameOf(300),
  description: z.string().optional(),
  branchId: z.string().optional(),
  inputFilter: branchFilter().optional(),
  pageProcessors: z.array(pageProcessor).optional(),
  nextRouterId: z.string().optional(),
});
export type Branch = z.infer<typeof branch>;

/** Reference: resources §3.5. */
export const router = z.object({
  id: z.string().min(1),
  name: z.string().max(300).optional(),
  routeRecordsTo: z.enum(['first_matching_branch', 'all_matching_branches']).optional(),
  routeRecordsUsing: z.enum(['input_filters', 'script']).optional(),
  script: functionReference().optional(),
  branches: z.array(branch),
});
export type Router = z.infer<typeof router>;

/** What a client may write. Reference: resources §3.2. */
export const flowInput = z.object({
  name: nameOf(150),
  ...sharedFields,
  ...settingsFields,
  _integrationId: ref().nullable().optional(),
  _flowGroupingId: ref().nullable().optional(),
  disabled: z.boolean().optional(),
  schedule: z.string().nullable().optional(),
  timezone: z.string().nullable().optional(),
  pageGenerators: z.array(pageGenerator).optional(),
  pageProcessors: z.array(pageProcessor).optional(),
  routers: z.array(router).optional(),
  runPageGeneratorsInParallel: z.boolean().optional(),
  skipRetries: z.boolean().optional(),
  _runNextFlowIds: z.array(ref()).nullable().optional(),
  _runNextExportIds: z.array(z.object({ _flowId: ref(), _exportId: ref() })).optional(),
  _keepDeltaBehindFlowId: ref().optional(),
  _keepDeltaBehindExportId: ref().optional(),
  autoResolveMatchingTraceKeys: z.boolean().optional(),
  aliases: aliases().optional(),
  logging: z
    .object({
      mode: z.enum(['basic', 'standard', 'detailed', 'accountLevel', 'noLogging']).optional(),
      debugUntil: instant().optional(),
    })
    .optional(),
  isAbstract: z.boolean().optional(),
  _abstractFlowId: ref().optional(),
  overrides: anyObject().optional(),
  overridesHelper: anyObject().optional(),
  wizardState: z.enum(['step2', 'step3', 'done']).optional(),
  hidden: z.boolean().optional(),
  _exportId: ref().optional(),
  _importId: ref().optional(),
  /** JSON Schema (2020-12) that the input of a run must meet. */
  inputSchema: anyObject().nullable().optional(),
  /** Runs of this flow at a time; default 1. */
  maxConcurrentRuns: z.number().int().min(1).max(1000).optional(),
});

export const flow = flowInput.extend({
  ...serverFields,
  free: z.boolean().optional(),
  lastExecutedAt: instant().optional(),
  resolvedAt: instant().optional(),
});
export type Flow = z.infer<typeof flow>;
