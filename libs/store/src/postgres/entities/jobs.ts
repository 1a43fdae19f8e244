import { defineEntity, p } from '@mikro-orm/core';
import type { JobRouter, JsonRecord } from '#model';
import type { JobRow, JobStatus } from '../../ports.js';

/** As PostgreSQL tells it. */
const isFinalFlow = `(type = 'flow'::text) AND (status = ANY (ARRAY['completed'::text, 'failed'::text, 'canceled'::text]))`;

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
    /** The flow of a run that is not final. */
    openFlowId: p
      .text()
      .nullable()
      .generated(
        `(CASE WHEN ((type = 'flow'::text) AND (status = ANY (ARRAY['queued'::text, 'running'::text, 'retrying'::text, 'canceling'::text]))) THEN flow_id ELSE NULL::text END) stored`,
      ),
    /** When a run ended whose consequences are not drawn yet. */
    unfollowedSince: p
      .datetime(3)
      .nullable()
      .generated(
        `(CASE WHEN (${isFinalFlow} AND (followed_at IS NULL)) THEN ended_at ELSE NULL::timestamp with time zone END) stored`,
      ),
    /** When a run ended whose ledger rows are still there. */
    unprunedSince: p
      .datetime(3)
      .nullable()
      .generated(
        `(CASE WHEN (${isFinalFlow} AND (ledger_pruned_at IS NULL)) THEN ended_at ELSE NULL::timestamp with time zone END) stored`,
      ),
  },
  indexes: [
    { name: 'jobs_open_index', properties: ['openFlowId', 'createdAt'], where: 'open_flow_id is not null' },
    { name: 'jobs_held_back_index', properties: ['createdAt'], where: 'waiting_for is not null' },
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
      expression: `create index "jobs_integration_index" on "jobs" ("account_id", "integration_id", "created_at" desc, "id" desc) where "integration_id" is not null and "flow_job_id" is null`,
    },
    { name: 'jobs_unfollowed_index', properties: ['unfollowedSince'], where: 'unfollowed_since is not null' },
    { name: 'jobs_unpruned_index', properties: ['unprunedSince'], where: 'unpruned_since is not null' },
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
