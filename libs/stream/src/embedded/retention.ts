import type { Pool } from 'pg';

/** Rows deleted by one statement, so that none holds its locks for long. */
const rowsPerStatement = 10_000;

/**
 * Deletes events that are older than `retentionMs` and that every group of their topic has consumed. A group that
 * stopped reading keeps its events: nothing is lost (P1).
 *
 * @returns how many were deleted
 */
export async function pruneEvents(pool: Pool, retentionMs: number): Promise<number> {
  let deleted = 0;
  for (;;) {
    const result = await pool.query(
      `with consumed as (
         select head.topic_id, head.partition, coalesce(min(position.next_offset), head.next_offset) as before
         from millrace_stream.partition_head as head
         left join millrace_stream.consumer_group as known on known.topic_id = head.topic_id
         left join millrace_stream.group_position as position
                on position.group_id = known.id and position.partition = head.partition
         group by head.topic_id, head.partition, head.next_offset
       ), doomed as (
         select event.topic_id, event.partition, event."offset"
         from consumed
         cross join lateral (
           select topic_id, partition, "offset" from millrace_stream.event
           where topic_id = consumed.topic_id and partition = consumed.partition and "offset" < consumed.before
             and stored_at < now() - make_interval(secs => $1::float8 / 1000)
           order by "offset"
           limit ${rowsPerStatement}
         ) as event
         limit ${rowsPerStatement}
       )
       delete from millrace_stream.event as event using doomed
       where event.topic_id = doomed.topic_id and event.partition = doomed.partition
         and event."offset" = doomed."offset"`,
      [retentionMs],
    );
    deleted += result.rowCount ?? 0;
    if ((result.rowCount ?? 0) < rowsPerStatement) return deleted;
  }
}
