import type { FilterQuery, InferEntity } from '@mikro-orm/core';
import type { MikroORM } from '@mikro-orm/postgresql';
import type { Pool } from 'pg';
import type { StepErrorQuery, StepErrorRow, StepErrors } from '../ports.js';
import { HttpExchange, RetryData, StepError } from './entities/index.js';
import { iso } from './times.js';

type ErrorEntity = InferEntity<typeof StepError>;

/** `retryData` and `exchange` of listed errors are null: they are read by their keys. */
export function createStepErrors(orm: MikroORM, pool: Pool): StepErrors {
  const fork = () => orm.em.fork();

  return {
    async listOpen(accountId, flowId, stepId, query) {
      const rows = await fork().find(
        StepError,
        { $and: [{ accountId, flowId, stepId, resolvedAt: null }, ...conditions(query)] },
        { orderBy: { occurredAt: 'desc', errorId: 'desc' }, limit: query.limit + 1 },
      );
      return { rows: rows.slice(0, query.limit).map(toRow), more: rows.length > query.limit };
    },

    async summary(accountId, flowId) {
      const { rows } = await pool.query<{ step_id: string; errors: string; last: string }>(
        `select step_id, count(*) as errors, to_char(max(occurred_at), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as last
         from step_errors
         where account_id = $1 and flow_id = $2 and resolved_at is null and not warning
         group by step_id order by step_id`,
        [accountId, flowId],
      );
      return rows.map(({ step_id, errors, last }) => ({
        stepId: step_id,
        numError: Number(errors),
        lastErrorAt: last,
      }));
    },

    async retryData(accountId, flowId, stepId, retryDataKey) {
      const row = await fork().findOne(RetryData, { accountId, flowId, stepId, key: retryDataKey });
      return row?.data ?? null;
    },

    async exchange(accountId, flowId, stepId, reqAndResKey) {
      const row = await fork().findOne(HttpExchange, { accountId, flowId, stepId, key: reqAndResKey });
      return row?.exchange ?? null;
    },
  };
}

function conditions({
  occurredAt,
  source,
  classification,
  flowJobId,
  after,
}: StepErrorQuery): FilterQuery<ErrorEntity>[] {
  return [
    ...(occurredAt?.gte ? [{ occurredAt: { $gte: new Date(occurredAt.gte) } }] : []),
    ...(occurredAt?.lte ? [{ occurredAt: { $lte: new Date(occurredAt.lte) } }] : []),
    ...(source ? [{ source }] : []),
    ...(classification ? [{ classification }] : []),
    ...(flowJobId ? [{ flowJobId }] : []),
    ...(after
      ? [
          // The first bound is what the index seeks by; the second orders errors of one millisecond.
          { occurredAt: { $lte: new Date(after.occurredAt) } },
          { $or: [{ occurredAt: { $lt: new Date(after.occurredAt) } }, { errorId: { $lt: after.errorId } }] },
        ]
      : []),
  ];
}

function toRow(error: ErrorEntity): StepErrorRow {
  return {
    errorId: error.errorId,
    accountId: error.accountId,
    flowId: error.flowId,
    stepId: error.stepId,
    flowJobId: error.flowJobId,
    occurredAt: iso(error.occurredAt),
    source: error.source,
    code: error.code,
    message: error.message,
    classification: error.classification ?? null,
    classifiedBy: error.classifiedBy ?? null,
    traceKey: error.traceKey,
    exportDataURI: error.exportDataUri ?? null,
    importDataURI: error.importDataUri ?? null,
    oIndex: error.oIndex,
    retryDataKey: error.retryDataKey ?? null,
    retriable: error.retriable,
    reqAndResKey: error.reqAndResKey ?? null,
    traceId: error.traceId ?? null,
    warning: error.warning,
    purgeAt: iso(error.purgeAt),
    retryData: null,
    exchange: null,
  };
}
