import type { Pool } from 'pg';
import type { JsonValue } from '#model';
import type { TestRuns } from '../ports.js';

/** Ids of steps stand in their column as JSON: those of routers are any text (see `storable.ts`). */
export function createTestRuns(pool: Pool): TestRuns {
  return {
    async keep({ accountId, flowId, runId, purgeAt, steps }, maxRuns) {
      const ids = steps.map(({ stepId }) => JSON.stringify(stepId));
      const stages = steps.map((step) => JSON.stringify(step.stages));
      await pool.query(keepSql, [accountId, runId, flowId, purgeAt, ids, stages]);
      await pool.query(forgetSql, [accountId, maxRuns]);
    },

    async stages(accountId, flowId, runId, stepId) {
      const { rows } = await pool.query<{ stages: string }>(findSql, [
        accountId,
        runId,
        JSON.stringify(stepId),
        flowId,
      ]);
      return rows[0] === undefined ? null : (JSON.parse(rows[0].stages) as JsonValue);
    },
  };
}

const keepSql = `
insert into test_run_steps (account_id, run_id, step_id, flow_id, stages, purge_at)
select $1, $2, step_id, $3, stages::json, $4
from unnest($5::text[], $6::text[]) as given (step_id, stages)
on conflict do nothing`;

/** Ids of runs are in the order of time. */
const forgetSql = `
delete from test_run_steps
where account_id = $1 and run_id not in (
  select distinct run_id from test_run_steps where account_id = $1 order by run_id desc limit $2
)`;

const findSql = `
select stages::text as stages from test_run_steps
where account_id = $1 and run_id = $2 and step_id = $3 and flow_id = $4`;
