import type { ClientBase } from 'pg';
import { prepared, run } from './statement.js';

/** Sets our locks apart from others in the same database. */
const lockSeed = 4207;

/**
 * Takes the right to admit runs of these flows until the transaction ends. Always in one order, and before any row lock,
 * so that two batches that share flows cannot wait for each other in a circle.
 */
export async function lockFlows(client: ClientBase, flowIds: readonly string[]): Promise<void> {
  await run(client, lockSql, [flowIds]);
}

/** The same for the flows of these runs. */
export async function lockFlowsOf(client: ClientBase, jobIds: readonly string[]): Promise<void> {
  await run(client, lockOfRunsSql, [jobIds]);
}

const lockingSql = (source: string): string => `
with flows as materialized (
  select distinct flow_id, hashtextextended(flow_id, ${lockSeed}) as key from ${source} order by key
)
select count(pg_advisory_xact_lock(key)) from flows`;

const lockSql = prepared(lockingSql('unnest($1::text[]) as flow_id'));
const lockOfRunsSql = prepared(lockingSql('jobs where id = any($1::text[])'));
