import { defineEntity, p } from '@mikro-orm/core';

/** What one step of a flow did in a test run. Reference: resources §3.1. */
export const TestRunStep = defineEntity({
  name: 'TestRunStep',
  tableName: 'test_run_steps',
  properties: {
    accountId: p.text().primary(),
    runId: p.text().primary(),
    stepId: p.text().primary(),
    flowId: p.text(),
    stages: p.json<unknown>().columnType('json'),
    purgeAt: p.datetime(3).index('test_run_steps_purge_index'),
  },
});
