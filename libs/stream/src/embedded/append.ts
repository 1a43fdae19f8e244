import type { Pool } from 'pg';
import type { OutgoingEvent } from '../stream.js';
import { notificationChannel } from './session.js';
import { partitionOf } from './partitioner.js';
import type { Topic } from './topics.js';

/**
 * One statement, hence one transaction and one fsync. Heads are locked in order of partition, so that two producers
 * cannot wait for each other. All values travel as one binary parameter and are cut apart by the server: an array of
 * bytea would travel as hexadecimal text.
 */
const appendStatement = `
  with locked as (
    select partition, next_offset from millrace_stream.partition_head
    where topic_id = $1 and partition = any ($2::int[])
    order by partition
    for update
  ), moved as (
    update millrace_stream.partition_head as head
    set next_offset = locked.next_offset + incoming.events
    from locked join unnest($2::int[], $3::int[]) as incoming (partition, events) using (partition)
    where head.topic_id = $1 and head.partition = locked.partition
    returning head.partition, locked.next_offset as first_offset
  ), stored as (
    insert into millrace_stream.event (topic_id, partition, "offset", bytes, key, headers, value)
    select $1, event.partition, moved.first_offset + event.rank, event.length, event.key, event.headers::json,
           substring($4::bytea from event.start + 1 for event.length)
    from unnest($5::int[], $6::int[], $7::int[], $8::int[], $9::text[], $10::text[])
           as event (partition, rank, start, length, key, headers)
    join moved using (partition)
    returning 1
  )
  select count(*)::int as stored, pg_notify('${notificationChannel}', $11) from stored`;

/** Appends in the order given; resolves when all are durable. Wakes the topic's consumers in every process. */
export async function appendEvents(pool: Pool, topic: Topic, events: readonly OutgoingEvent[]): Promise<void> {
  const counts = new Map<number, number>();
  const partitions: number[] = [];
  const ranks: number[] = [];
  const starts: number[] = [];
  const lengths: number[] = [];
  let bytes = 0;
  for (const event of events) {
    const partition = partitionOf(event.key, topic.partitions);
    const rank = counts.get(partition) ?? 0;
    counts.set(partition, rank + 1);
    partitions.push(partition);
    ranks.push(rank);
    starts.push(bytes);
    lengths.push(event.value.byteLength);
    bytes += event.value.byteLength;
  }
  const result = await pool.query<{ stored: number }>({
    name: 'millrace_stream_append',
    text: appendStatement,
    values: [
      topic.id,
      [...counts.keys()],
      [...counts.values()],
      Buffer.concat(
        events.map((event) => event.value),
        bytes,
      ),
      partitions,
      ranks,
      starts,
      lengths,
      events.map((event) => event.key),
      events.map((event) => (event.headers ? JSON.stringify(event.headers) : null)),
      topic.name,
    ],
  });
  const stored = result.rows[0]?.stored;
  if (stored !== events.length) {
    throw new Error(`Topic ${topic.name} stored ${stored} of ${events.length} events: its partitions are incomplete`);
  }
}
