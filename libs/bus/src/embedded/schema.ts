import type { Pool } from 'pg';

/** Letters, digits and underscores, so that it needs no quoting anywhere. */
export function assertSchemaName(schema: string): void {
  if (!/^[a-z_][a-z0-9_]{0,50}$/.test(schema))
    throw new TypeError(`The schema name ${JSON.stringify(schema)} is not allowed.`);
}

/** Two publishers of one id met: the second waited for the first and then found the id taken. Repeat the call. */
export const idRaceCode = 'MR001';

/**
 * Creates the bus's tables and functions, or leaves them as they are. Processes that start together take turns under an
 * advisory lock.
 */
export async function ensureSchema(pool: Pool, schema: string): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query('select pg_advisory_xact_lock(hashtext($1))', [`millrace bus ${schema}`]);
    await client.query(definition(schema));
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

/**
 * `message.due_at` is when the message may be leased: at once, after a nack's delay, or when its lease expires. The
 * index on it is all that a lease reads, and `attempt` is the token by which the holder of a lease is known.
 *
 * Bodies are stored out of line and uncompressed (pages are compressed by their sender), so that leasing a message
 * rewrites a short row only.
 */
function definition(schema: string): string {
  return `
create schema if not exists ${schema};

create table if not exists ${schema}.message (
  seq bigint generated always as identity primary key,
  queue text not null,
  key text not null,
  id text not null,
  headers text not null,
  body bytea not null,
  body_bytes int not null,
  attempt int not null default 0,
  due_at timestamptz not null default clock_timestamp(),
  published_at timestamptz not null default clock_timestamp()
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0);
alter table ${schema}.message alter column body set storage external;
create index if not exists message_due on ${schema}.message (queue, due_at, seq);
create index if not exists message_key on ${schema}.message (key, queue);

create table if not exists ${schema}.published_id (
  id text not null,
  queue text not null,
  published_at timestamptz not null default now(),
  primary key (id, queue)
);
create index if not exists published_id_time on ${schema}.published_id using brin (published_at);

create table if not exists ${schema}.dead_letter (
  seq bigint generated always as identity primary key,
  queue text not null,
  key text not null,
  id text not null,
  headers text not null,
  body bytea not null,
  reason text not null,
  rejected_at timestamptz not null default now()
);
alter table ${schema}.dead_letter alter column body set storage external;
create index if not exists dead_letter_id on ${schema}.dead_letter (id);

create table if not exists ${schema}.lease (
  name text primary key,
  value text not null,
  revision bigint not null,
  expires_at timestamptz not null
);
create sequence if not exists ${schema}.lease_revision;

-- Writes units of messages, each all or not at all, and returns the units that were refused because an id of theirs was
-- published before. "messages" is a JSON array of {unit, queue, key, id, headers, start, bytes}; start (from 1) and
-- bytes place the message's body in "bodies".
create or replace function ${schema}.publish(messages jsonb, bodies bytea) returns int[] language plpgsql as $$
declare
  refused int[];
  written int;
  expected int;
begin
  select coalesce(array_agg(distinct m.unit), '{}') into refused
  from jsonb_to_recordset(messages) as m(unit int, queue text, id text)
  where exists (select from ${schema}.published_id p where p.id = m.id and p.queue = m.queue);

  insert into ${schema}.published_id (id, queue)
  select m.id, m.queue from jsonb_to_recordset(messages) as m(unit int, queue text, id text)
  where m.unit <> all (refused)
  order by m.id, m.queue
  on conflict do nothing;
  get diagnostics written = row_count;

  insert into ${schema}.message (queue, key, id, headers, body, body_bytes)
  select m.queue, m.key, m.id, m.headers, substring(bodies from m.start for m.bytes), m.bytes
  from jsonb_to_recordset(messages)
    as m(unit int, queue text, key text, id text, headers text, start int, bytes int)
  where m.unit <> all (refused);
  get diagnostics expected = row_count;

  if written <> expected then
    raise exception 'an id was published by someone else meanwhile' using errcode = '${idRaceCode}';
  end if;
  return refused;
end $$;
`;
}
