import type { FilterQuery, InferEntity } from '@mikro-orm/core';
import { LockMode, type MikroORM } from '@mikro-orm/postgresql';
import type { Pool } from 'pg';
import type { EnqueueRun, JobQuery, JobRow, Jobs, JobStatus, StartOutcome } from '../ports.js';
import { admit } from './admission.js';
import { coalesce } from '#lanes/coalesce';
import { Job } from './entities/index.js';
import { lockFlows } from './flow-locks.js';
import {
  markFollowed,
  readActiveRuns,
  readAnyJobs,
  readChildren,
  readFamilies,
  readJobs,
  readPlansOf,
  readStartable,
  readUnfollowed,
  type JobKey,
  type PlanOfRun,
} from './job-reads.js';
import { toJobRow } from './job-row.js';
import { startRuns, type Start } from './starting.js';
import { batchSpacingMs, inOneTrip, isFaultOfRow } from './transaction.js';

type JobEntity = InferEntity<typeof Job>;

export function createJobs(orm: MikroORM, pool: Pool): Jobs {
  const fork = () => orm.em.fork();
  const enqueue = coalesce<EnqueueRun, boolean>((runs) => enqueueRuns(pool, runs), {
    isFaultOfItem: isFaultOfRow,
    spacingMs: batchSpacingMs,
  });
  const get = coalesce<JobKey, JobRow | null>((keys) => readJobs(pool, keys));
  const family = coalesce<JobKey, readonly JobRow[]>((keys) => readFamilies(pool, keys), { spacingMs: batchSpacingMs });
  const getAny = coalesce<string, JobRow | null>((ids) => readAnyJobs(pool, ids));
  const planOf = coalesce<string, PlanOfRun | null>((ids) => readPlansOf(pool, ids));
  const followed = coalesce<string, boolean>((ids) => markFollowed(pool, ids));
  const start = coalesce<Start, StartOutcome>((starts) => startRuns(pool, starts), {
    isFaultOfItem: isFaultOfRow,
    spacingMs: batchSpacingMs,
  });

  return {
    enqueue,

    start: (jobId, planId, children, routers = [], options = {}) =>
      start({ jobId, planId, children, routers, nothingFollows: options.nothingFollows ?? false, at: options.at }),

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

    get: (accountId, jobId) => get({ accountId, jobId }),

    family: (accountId, jobId) => family({ accountId, jobId }),

    getAny,

    planOf,

    children: (accountId, flowJobIds) => readChildren(pool, accountId, flowJobIds),

    async list(accountId, query) {
      const rows = await fork().find(Job, jobFilter(accountId, query), {
        orderBy: { createdAt: 'desc', id: 'desc' },
        limit: query.limit,
      });
      return rows.map(toJobRow);
    },

    activeRuns: (limit) => readActiveRuns(pool, limit),

    startable: (limit, which = 'all') => readStartable(pool, limit, which),

    unfollowed: (limit) => readUnfollowed(pool, limit),

    markFollowed: followed,

    async countByStatus() {
      const { rows } = await pool.query<{ status: string; runs: string }>(
        `select status, count(*) as runs from jobs where type = 'flow' group by status`,
      );
      return Object.fromEntries(rows.map(({ status, runs }) => [status, Number(runs)]));
    },
  };
}

async function enqueueRuns(pool: Pool, runs: readonly EnqueueRun[]): Promise<boolean[]> {
  const flowIds = runs.map(({ flowId }) => flowId);
  const [, stored] = await inOneTrip(pool, (client) =>
    Promise.all([lockFlows(client, flowIds), admit(client, runs, 1, Date.now())]),
  );
  return runs.map(({ jobId }) => stored.has(jobId));
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
