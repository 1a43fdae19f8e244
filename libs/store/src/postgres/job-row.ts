import type { InferEntity } from '@mikro-orm/core';
import type { JobRow } from '../ports.js';
import type { Job } from './entities/index.js';
import { iso, isoOrNull } from './times.js';

export function toJobRow(job: InferEntity<typeof Job>): JobRow {
  return {
    _id: job.id,
    accountId: job.accountId,
    type: job.type,
    _integrationId: job.integrationId ?? null,
    _flowId: job.flowId,
    _exportId: job.exportId ?? null,
    _importId: job.importId ?? null,
    _flowJobId: job.flowJobId ?? null,
    oIndex: job.oIndex ?? null,
    status: job.status,
    createdAt: iso(job.createdAt),
    startedAt: isoOrNull(job.startedAt),
    endedAt: isoOrNull(job.endedAt),
    lastModified: iso(job.lastModified),
    purgeAt: iso(job.purgeAt),
    numError: job.numError,
    numResolved: job.numResolved,
    numOpenError: job.numOpenError,
    numSuccess: job.numSuccess,
    numIgnore: job.numIgnore,
    numExport: job.numExport,
    numPagesGenerated: job.numPagesGenerated,
    numPagesProcessed: job.numPagesProcessed,
    doneExporting: job.doneExporting,
    triggeredBy: job.triggeredBy,
    _userId: job.userId ?? null,
    canceledBy: job.canceledBy ?? null,
    canceledAt: isoOrNull(job.canceledAt),
    waitingFor: job.waitingFor ?? null,
    failure: job.failure ?? null,
    traceId: job.traceId ?? null,
    routers: job.routers ?? null,
    request: job.request,
  };
}
