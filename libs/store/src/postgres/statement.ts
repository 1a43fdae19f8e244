import { hash } from 'node:crypto';
import type { ClientBase, Pool, QueryResult, QueryResultRow } from 'pg';

/**
 * A statement that runs often: each connection parses it once and then only binds its values. Its name follows from its
 * text, so that versions of Millrace that share a pooler never mean different statements by one name.
 */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** @param text answers with named columns, never `*`: a migration may add columns while the statement is prepared */
export function prepared(text: string): Statement {
  return { name: `millrace_${hash('sha256', text, 'hex').slice(0, 24)}`, text };
}

export function run<Row extends QueryResultRow>(
  client: ClientBase | Pool,
  { name, text }: Statement,
  values: readonly unknown[],
): Promise<QueryResult<Row>> {
  return client.query<Row>({ name, text, values: [...values] });
}

/** Whether the driver parses JSON is a setting of its owner. */
export function jsonOf<T>(value: T | string): T {
  return typeof value === 'string' ? (JSON.parse(value) as T) : value;
}
