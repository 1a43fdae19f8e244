import { defineEntity, p } from '@mikro-orm/core';
import type { JsonRecord } from '#model';

/** Reference: errors §2. */
export const StepError = defineEntity({
  name: 'StepError',
  tableName: 'step_errors',
  properties: {
    errorId: p.text().primary(),
    accountId: p.text(),
    flowId: p.text(),
    stepId: p.text(),
    flowJobId: p.text(),
    occurredAt: p.datetime(3),
    source: p.text(),
    code: p.text(),
    message: p.text(),
    classification: p.text().nullable(),
    classifiedBy: p.text().nullable(),
    traceKey: p.text(),
    exportDataUri: p.text().nullable(),
    importDataUri: p.text().nullable(),
    oIndex: p.text(),
    retryDataKey: p.text().nullable(),
    retriable: p.boolean(),
    reqAndResKey: p.text().nullable(),
    traceId: p.text().nullable(),
    warning: p.boolean(),
    purgeAt: p.datetime(3),
    /** Null while the error is open. */
    resolvedAt: p.datetime(3).nullable(),
    resolvedBy: p.text().nullable(),
  },
  indexes: [
    {
      name: 'step_errors_open_index',
      expression: `create index "step_errors_open_index" on "step_errors" ("account_id", "flow_id", "step_id", "occurred_at" desc, "error_id" desc) where "resolved_at" is null`,
    },
    { name: 'step_errors_job_index', properties: ['flowJobId'] },
    { name: 'step_errors_purge_index', properties: ['purgeAt'] },
  ],
});

const keyedByStep = {
  accountId: p.text().primary(),
  flowId: p.text().primary(),
  stepId: p.text().primary(),
  key: p.text().primary(),
};

/** What a retry needs. `json`, not `jsonb`: the record must come back as it was. */
export const RetryData = defineEntity({
  name: 'RetryData',
  tableName: 'retry_data',
  properties: {
    ...keyedByStep,
    data: p.json<JsonRecord>().columnType('json'),
    purgeAt: p.datetime(3).index('retry_data_purge_index'),
  },
});

/** The HTTP exchange behind an error. Reference: errors §14. */
export const HttpExchange = defineEntity({
  name: 'HttpExchange',
  tableName: 'http_exchanges',
  properties: {
    ...keyedByStep,
    exchange: p.json<JsonRecord>().columnType('json'),
    purgeAt: p.datetime(3).index('http_exchanges_purge_index'),
  },
});
