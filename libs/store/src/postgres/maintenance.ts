import type { Pool } from 'pg';

/** What keeps the tables small. Safe to run in several processes and to stop at any time. */
export interface Maintenance {
  /**
   * Deletes the ledger rows of runs that ended before a time; their counts stay. Results of these runs that arrive later
   * still are ignored, so the time must lie further back than any redelivery: a day is plenty.
   *
   * @param limit runs per call; call again while it returns this many
   * @returns runs pruned
   */
  prune(endedBefore: Date, limit: number): Promise<number>;
  /**
   * Deletes what is past its `purgeAt`: errors, retry data, exchanges, jobs; and documents that have been in the recycle
   * bin for 30 days. Reference: errors §12.
   *
   * @param limit rows of each kind per call
   * @returns rows deleted
   */
  purge(now: Date, limit: number): Promise<number>;
}

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

const isFinal = `status in ('completed', 'failed', 'canceled')`;

const pruneSql = `
with ended as (
  update jobs set ledger_pruned_at = now()
  where id in (
    select id from jobs
    where type = 'flow' and ledger_pruned_at is null and (${isFinal}) and ended_at < $1
    order by ended_at limit $2
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
  expired('jobs', `purge_at < $1 and (${isFinal})`),
  expired('documents', `deleted_at < $1::timestamptz - interval '30 days'`),
];
