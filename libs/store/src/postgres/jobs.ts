import type { FilterQuery, InferEntity } from '@mikro-orm/core';
import { LockMode, type MikroORM } from '@mikro-orm/postgresql';
import type { Pool } from 'pg';
import type { ActiveRun, EnqueueRun, JobQuery, Jobs, JobStatus, StartOutcome } from '../ports.js';
import { admit } from './admission.js';
import { coalesce } from './coalesce.js';
import { Job } from './entities/index.js';
import { lockFlows } from './flow-locks.js';
import { toJobRow } from './job-row.js';
import { startRuns, type Start } from './starting.js';
import { inTransaction, isFaultOfRow } from './transaction.js';

type JobEntity = InferEntity<typeof Job>;

const active: readonly JobStatus[] = ['running', 'retrying', 'canceling'];
const final: readonly JobStatus[] = ['completed', 'failed', 'canceled'];

export function createJobs(orm: MikroORM, pool: Pool): Jobs {
  const fork = () => orm.em.fork();
  const enqueue = coalesce<EnqueueRun, boolean>((runs) => enqueueRuns(pool, runs), { isFaultOfItem: isFaultOfRow });
  const start = coalesce<Start, StartOutcome>((starts) => startRuns(pool, starts), { isFaultOfItem: isFaultOfRow });

  return {
    enqueue,

    start: (jobId, planId, children) => start({ jobId, planId, children }),

    async refuse(jobId, failure) {
      const now = new Date();
      await fork().nativeUpdate(
        Job,
        { id: jobId, type: 'flow', status: 'queued' },
        { status: 'failed', failure, waitingFor: null, endedAt: now, lastModified: now },
      );
    },

    async cancel(accountId, jobId, by) {
      return fork().transactional(async (em) => {
        const job = await em.findOne(
          Job,
          { id: jobId, accountId, flowJobId: null },
          { lockMode: LockMode.PESSIMISTIC_WRITE },
        );
        if (!job) return null;
        const now = new Date();
        if (job.status === 'queued') {
          Object.assign(job, { status: 'canceled', endedAt: now, waitingFor: null });
          Object.assign(job, { canceledAt: now, canceledBy: by, lastModified: now });
        } else if (job.status === 'running' || job.status === 'retrying') {
          Object.assign(job, { status: 'canceling', canceledAt: now, canceledBy: by, lastModified: now });
        }
        await em.flush();
        return toJobRow(job);
      });
    },

    async get(accountId, jobId) {
      const job = await fork().findOne(Job, { id: jobId, accountId });
      return job && toJobRow(job);
    },

    async getAny(jobId) {
      const job = await fork().findOne(Job, { id: jobId });
      return job && toJobRow(job);
    },

    async planOf(jobId) {
      const em = fork();
      const job = await em.findOne(Job, { id: jobId, type: 'flow' });
      if (!job?.planId) return null;
      const children = await em.find(Job, { flowJobId: jobId }, { orderBy: { oIndex: 'asc', id: 'asc' } });
      return {
        planId: job.planId,
        children: children.map((child) => ({
          jobId: child.id,
          type: child.type === 'import' ? 'import' : 'export',
          stepId: child.importId ?? child.exportId ?? '',
          oIndex: child.oIndex ?? 0,
        })),
      };
    },

    async children(accountId, flowJobIds) {
      const rows = await fork().find(
        Job,
        { accountId, flowJobId: { $in: [...flowJobIds] } },
        { orderBy: { flowJobId: 'asc', oIndex: 'asc', id: 'asc' } },
      );
      return rows.map(toJobRow);
    },

    async list(accountId, query) {
      const rows = await fork().find(Job, jobFilter(accountId, query), {
        orderBy: { createdAt: 'desc', id: 'desc' },
        limit: query.limit,
      });
      return rows.map(toJobRow);
    },

    async activeRuns(limit) {
      const rows = await fork().find(
        Job,
        { type: 'flow', status: { $in: [...active] } },
        { orderBy: { startedAt: 'asc', id: 'asc' }, limit },
      );
      return rows.map(toActiveRun);
    },

    async startable(limit) {
      const { rows } = await pool.query<{ id: string }>(startableSql, [limit]);
      const jobs = await fork().find(
        Job,
        { id: { $in: rows.map(({ id }) => id) } },
        { orderBy: { createdAt: 'asc', id: 'asc' } },
      );
      return jobs.map(toActiveRun);
    },

    async unfollowed(limit) {
      const rows = await fork().find(
        Job,
        { type: 'flow', followedAt: null, status: { $in: [...final] } },
        { orderBy: { endedAt: 'asc', id: 'asc' }, limit },
      );
      return rows.map(toJobRow);
    },

    async markFollowed(jobId) {
      const marked = await fork().nativeUpdate(
        Job,
        { id: jobId, type: 'flow', followedAt: null, status: { $in: [...final] } },
        { followedAt: new Date() },
      );
      return marked === 1;
    },

    async countByStatus() {
      const { rows } = await pool.query<{ status: string; runs: string }>(
        `select status, count(*) as runs from jobs where type = 'flow' group by status`,
      );
      return Object.fromEntries(rows.map(({ status, runs }) => [status, Number(runs)]));
    },
  };
}

function enqueueRuns(pool: Pool, runs: readonly EnqueueRun[]): Promise<boolean[]> {
  return inTransaction(pool, async (client) => {
    await lockFlows(
      client,
      runs.map(({ flowId }) => flowId),
    );
    const stored = await admit(client, runs, 1, Date.now());
    return runs.map(({ jobId }) => stored.has(jobId));
  });
}

/** Per flow, the oldest waiting runs that fit beside the active ones. */
const startableSql = `
with active as (
  select flow_id, count(*) as runs
  from jobs
  where type = 'flow' and status in ('running', 'retrying', 'canceling')
  group by flow_id
),
ranked as (
  select id, created_at, max_concurrent_runs, coalesce(active.runs, 0) as active_runs,
    row_number() over (partition by flow_id order by created_at, id) as place
  from jobs left join active using (flow_id)
  where type = 'flow' and status = 'queued'
)
select id from ranked where place + active_runs <= max_concurrent_runs order by created_at, id limit $1`;

function toActiveRun(job: JobEntity): ActiveRun {
  return {
    jobId: job.id,
    accountId: job.accountId,
    flowId: job.flowId,
    status: job.status,
    startedAt: job.startedAt?.toISOString() ?? null,
    planId: job.planId ?? null,
  };
}

function jobFilter(accountId: string, query: JobQuery): FilterQuery<JobEntity> {
  const { createdAt, startedAt } = query;
  const time = (value: string | undefined) => (value === undefined ? undefined : new Date(value));
  const conditions: FilterQuery<JobEntity>[] = [
    { accountId },
    ...(query.type ? [{ type: { $in: query.type as JobEntity['type'][] } }] : []),
    ...(query.status ? [{ status: { $in: query.status as JobStatus[] } }] : []),
    ...(query._integrationId ? [{ integrationId: query._integrationId }] : []),
    ...(query._flowId ? [{ flowId: { $in: [...query._flowId] } }] : []),
    ...(query._exportId ? [{ exportId: query._exportId }] : []),
    ...(query._importId ? [{ importId: query._importId }] : []),
    // Which index serves a list depends on this: those of runs leave child jobs out.
    ...childrenOrRuns(query),
    ...(createdAt?.gte ? [{ createdAt: { $gte: time(createdAt.gte) } }] : []),
    ...(createdAt?.lte ? [{ createdAt: { $lte: time(createdAt.lte) } }] : []),
    ...(createdAt?.gt ? [{ createdAt: { $gt: time(createdAt.gt) } }] : []),
    ...(startedAt?.gte ? [{ startedAt: { $gte: time(startedAt.gte) } }] : []),
    ...(startedAt?.lte ? [{ startedAt: { $lte: time(startedAt.lte) } }] : []),
    ...(query.counts ?? []).map(({ field, op, value }) => ({ [field]: { [`$${op}`]: value } })),
  ];
  return { $and: conditions };
}

const childTypes = new Set(['export', 'import']);

function childrenOrRuns(query: JobQuery): FilterQuery<JobEntity>[] {
  if (query._flowJobId) return [{ flowJobId: query._flowJobId }];
  if (query.type?.length && query.type.every((type) => !childTypes.has(type))) return [{ flowJobId: null }];
  return [];
}
