import type { Pool } from 'pg';
import type { Maintenance } from '../ports.js';

export function createMaintenance(pool: Pool): Maintenance {
  return {
    async prune(endedBefore, limit) {
      const { rows } = await pool.query<{ runs: string }>(pruneSql, [endedBefore, limit]);
      return Number(rows[0]?.runs ?? 0);
    },

    async purge(now, limit) {
      let deleted = 0;
      for (const statement of purgeSql) {
        const { rowCount } = await pool.query(statement, [now, limit]);
        deleted += rowCount ?? 0;
      }
      return deleted;
    },
  };
}

const pruneSql = `
with ended as (
  update jobs set ledger_pruned_at = now()
  where id in (
    select id from jobs
    where unpruned_since < $1
    order by unpruned_since limit $2
    for update skip locked
  )
  returning id
),
pages as (delete from page_results using ended where run_id = ended.id),
generators as (delete from generator_results using ended where run_id = ended.id)
select count(*) as runs from ended`;

const expired = (table: string, condition: string) =>
  `delete from ${table} where ctid = any(array(select ctid from ${table} where ${condition} limit $2))`;

const purgeSql = [
  expired('retry_data', 'purge_at < $1'),
  expired('http_exchanges', 'purge_at < $1'),
  expired('step_errors', 'purge_at < $1'),
  expired('script_logs', 'purge_at < $1'),
  expired('test_run_steps', 'purge_at < $1'),
  expired('jobs', `purge_at < $1 and status in ('completed', 'failed', 'canceled')`),
  expired('documents', `deleted_at < $1::timestamptz - interval '30 days'`),
];
