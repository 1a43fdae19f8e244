import type { Pool } from 'pg';

/**
 * The log and the positions of its readers. `partition_head` is the point where producers of a partition queue up: its
 * row lock is held until commit, so offsets become visible in order and without gaps. A sequence would not do: a
 * reader could see offset 8 before the transaction that took 7 commits, and skip it for ever.
 */
const statements = [
  `create schema if not exists millrace_stream`,
  `create table if not exists millrace_stream.topic (
     id int generated always as identity primary key,
     name text not null unique,
     partitions int not null
   )`,
  `create table if not exists millrace_stream.partition_head (
     topic_id int not null references millrace_stream.topic on delete cascade,
     partition int not null,
     next_offset bigint not null,
     primary key (topic_id, partition)
   ) with (fillfactor = 50)`,
  `create table if not exists millrace_stream.event (
     topic_id int not null,
     partition int not null,
     "offset" bigint not null,
     bytes int not null,
     stored_at timestamptz not null default clock_timestamp(),
     key text not null,
     -- json, not jsonb: headers are handed through as they came, and never searched
     headers json,
     value bytea not null,
     primary key (topic_id, partition, "offset")
   )`,
  `create table if not exists millrace_stream.consumer_group (
     id int generated always as identity primary key,
     topic_id int not null references millrace_stream.topic on delete cascade,
     name text not null,
     unique (topic_id, name)
   )`,
  `create table if not exists millrace_stream.group_position (
     group_id int not null references millrace_stream.consumer_group on delete cascade,
     partition int not null,
     next_offset bigint not null,
     primary key (group_id, partition)
   ) with (fillfactor = 50)`,
];

/** `create … if not exists` is no guard against itself in another session, so one process at a time runs it. */
const schemaLock = 0x4d_52_53_43;

/** Creates what is missing; harmless when repeated, also by several processes at once. */
export async function ensureSchema(pool: Pool): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query('select pg_advisory_xact_lock($1)', [schemaLock]);
    for (const statement of statements) await client.query(statement);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined); // the error below says what went wrong
    throw error;
  } finally {
    client.release();
  }
}
