import type { Pool } from 'pg';
import type { StreamEvent } from '../stream.js';
import type { Topic } from './topics.js';

export interface FetchRequest {
  readonly partition: number;
  /** Null is the earliest event. */
  readonly from: bigint | null;
  readonly maxBytes: number;
}

/** Events looked at per partition and fetch; bounds the work of the running sum, not the size of a batch. */
const maxEventsPerPartition = 2_000;

/** At least one event per partition that has any, then as many as fit. */
const fetchStatement = `
  select event.partition, event."offset", (extract(epoch from event.stored_at) * 1000)::bigint,
         event.key, event.headers, event.value
  from unnest($2::int[], $3::bigint[], $4::int[]) as wanted (partition, first_offset, max_bytes)
  cross join lateral (
    select summed.* from (
      select *, sum(bytes) over (order by "offset") - bytes as bytes_before
      from (
        select * from millrace_stream.event
        where topic_id = $1 and partition = wanted.partition and "offset" >= wanted.first_offset
        order by "offset"
        limit ${maxEventsPerPartition}
      ) as candidate
    ) as summed
    where summed.bytes_before < wanted.max_bytes
  ) as event
  order by event.partition, event."offset"`;

/** Columns of {@link fetchStatement}, as the server writes them. */
type FetchedRow = [
  partition: string,
  offset: string,
  storedAt: string,
  key: string,
  headers: string | null,
  value: string,
];

/** Reads on in several partitions with one statement. Partitions without news are absent from the answer. */
export async function fetchEvents(
  pool: Pool,
  topic: Topic,
  requests: readonly FetchRequest[],
): Promise<Map<number, StreamEvent[]>> {
  const result = await pool.query<FetchedRow>({
    name: 'millrace_stream_fetch',
    text: fetchStatement,
    values: [
      topic.id,
      requests.map((request) => request.partition),
      requests.map((request) => (request.from ?? 0n).toString()),
      requests.map((request) => request.maxBytes),
    ],
    rowMode: 'array',
    types: { getTypeParser: () => (column: string) => column },
  });
  const events = new Map<number, StreamEvent[]>();
  for (const row of result.rows) {
    const [partition, offset, storedAt, key, headers, value] = row;
    const number = Number(partition);
    let list = events.get(number);
    if (!list) events.set(number, (list = []));
    list.push({
      key,
      // The server writes bytes as \x and hexadecimal digits.
      value: Buffer.from(value.slice(2), 'hex'),
      headers: headers === null ? {} : (JSON.parse(headers) as Record<string, string>),
      offset: BigInt(offset),
      storedAtMs: Number(storedAt),
    });
  }
  return events;
}
