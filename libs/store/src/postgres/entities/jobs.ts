import { defineEntity, p } from '@mikro-orm/core';
import type { JobRouter, JsonRecord } from '#model';
import type { JobRow, JobStatus } from '../../ports.js';

const finalStatuses = `("status" in ('completed', 'failed', 'canceled'))`;

/** Flow jobs (runs) and their child jobs, one per step. Reference: resources §13. */
export const Job = defineEntity({
  name: 'Job',
  tableName: 'jobs',
  properties: {
    id: p.text().primary(),
    accountId: p.text(),
    type: p.text().$type<JobRow['type']>(),
    integrationId: p.text().nullable(),
    flowId: p.text(),
    exportId: p.text().nullable(),
    importId: p.text().nullable(),
    flowJobId: p.text().nullable(),
    oIndex: p.integer().nullable(),
    status: p.text().$type<JobStatus>(),
    createdAt: p.datetime(3),
    startedAt: p.datetime(3).nullable(),
    endedAt: p.datetime(3).nullable(),
    lastModified: p.datetime(3),
    purgeAt: p.datetime(3),
    numError: p.bigint('number').defaultRaw('0'),
    numResolved: p.bigint('number').defaultRaw('0'),
    numOpenError: p.bigint('number').defaultRaw('0'),
    numSuccess: p.bigint('number').defaultRaw('0'),
    numIgnore: p.bigint('number').defaultRaw('0'),
    numExport: p.bigint('number').defaultRaw('0'),
    numPagesGenerated: p.bigint('number').defaultRaw('0'),
    numPagesProcessed: p.bigint('number').defaultRaw('0'),
    doneExporting: p.boolean().default(false),
    triggeredBy: p.text(),
    userId: p.text().nullable(),
    canceledBy: p.text().nullable(),
    canceledAt: p.datetime(3).nullable(),
    waitingFor: p.text().nullable(),
    failure: p.json<{ readonly code: string; readonly message: string }>().nullable(),
    traceId: p.text().nullable(),
    routers: p.json<readonly JobRouter[]>().columnType('json').nullable(),
    /** `json`, not `jsonb`: kept as it was sent, characters that `jsonb` refuses included. */
    request: p.json<JsonRecord>().columnType('json'),
    planId: p.text().nullable(),
    maxConcurrentRuns: p.integer().default(1),
    /** When the consequences of a final run were drawn. */
    followedAt: p.datetime(3).nullable(),
    /** When the ledger rows of a final run were pruned; late results are ignored from then on. */
    ledgerPrunedAt: p.datetime(3).nullable(),
  },
  indexes: [
    {
      name: 'jobs_unfinished_index',
      properties: ['flowId', 'createdAt'],
      where: `type = 'flow' and status in ('queued', 'running', 'retrying', 'canceling')`,
    },
    { name: 'jobs_children_index', properties: ['flowJobId', 'oIndex'], where: 'flow_job_id is not null' },
    {
      name: 'jobs_list_index',
      expression: `create index "jobs_list_index" on "jobs" ("account_id", "created_at" desc, "id" desc) where "flow_job_id" is null`,
    },
    {
      name: 'jobs_flow_index',
      expression: `create index "jobs_flow_index" on "jobs" ("account_id", "flow_id", "created_at" desc, "id" desc) where "flow_job_id" is null`,
    },
    {
      name: 'jobs_integration_index',
      expression: `create index "jobs_integration_index" on "jobs" ("account_id", "integration_id", "created_at" desc, "id" desc) where "flow_job_id" is null`,
    },
    {
      name: 'jobs_unfollowed_index',
      expression: `create index "jobs_unfollowed_index" on "jobs" ("ended_at") where "type" = 'flow' and "followed_at" is null and ${finalStatuses}`,
    },
    {
      name: 'jobs_unpruned_index',
      expression: `create index "jobs_unpruned_index" on "jobs" ("ended_at") where "type" = 'flow' and "ledger_pruned_at" is null and ${finalStatuses}`,
    },
  ],
});

/** Snapshots of flows that runs execute, by the hash of their content. */
export const RunPlan = defineEntity({
  name: 'RunPlan',
  tableName: 'run_plans',
  properties: {
    id: p.text().primary(),
    accountId: p.text(),
    plan: p.json<JsonRecord>().columnType('json'),
    createdAt: p.datetime(3).defaultRaw('now()'),
  },
});

/** One row per firing of a schedule, whether it made a run or was skipped. */
export const Firing = defineEntity({
  name: 'Firing',
  tableName: 'firings',
  properties: {
    key: p.text().primary(),
    flowId: p.text(),
    exportId: p.text().nullable(),
    instant: p.datetime(3),
    outcome: p.text().$type<'fired' | 'skipped'>(),
    jobId: p.text(),
  },
  indexes: [{ name: 'firings_last_index', properties: ['flowId', 'instant'] }],
});

/** Start time of the last successful export. Reference: runtime §3.1. */
export const DeltaCheckpoint = defineEntity({
  name: 'DeltaCheckpoint',
  tableName: 'delta_checkpoints',
  properties: {
    flowId: p.text().primary(),
    exportId: p.text().primary(),
    accountId: p.text(),
    reachedAt: p.datetime(3),
  },
});
