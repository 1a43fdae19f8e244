import type { FlowPlan } from '#engine';
import type { Connection } from '#model';

type StoredConnection = Connection & { readonly _id: string };

/** How many requests may be in flight on a connection, and under which name that is counted. */
export interface ConnectionLimit {
  /** The connection itself, or the one whose concurrency it borrows. Reference: runtime §20. */
  readonly limitKey: string;
  readonly limit: number;
  /** `autoRecoverRateLimitErrors`: after a 429 concurrency falls to 1 and climbs by quarters. Reference: runtime §4. */
  readonly recoversGradually: boolean;
}

/** Reference: runtime §20. */
const defaultLevels: Readonly<Record<string, number>> = { http: 25, filesystem: 1, ftp: 1 };
const defaultLevel = 5;

export function levelOf(connection: Connection): number {
  const configured =
    connection.http?.concurrencyLevel ??
    connection.rdbms?.concurrencyLevel ??
    connection.filesystem?.concurrencyLevel ??
    connection.wrapper?.concurrencyLevel;
  const level = configured ?? defaultLevels[connection.type] ?? defaultLevel;
  return Math.max(1, Math.min(100, Math.trunc(level)));
}

export function limitOf(connection: StoredConnection, plan: Pick<FlowPlan, 'connections'>): ConnectionLimit {
  const lenderId = connection._borrowConcurrencyFromConnectionId;
  const lender = lenderId === undefined ? connection : (plan.connections[lenderId] ?? connection);
  return {
    limitKey: lenderId ?? connection._id,
    limit: levelOf(lender),
    recoversGradually: connection.autoRecoverRateLimitErrors === true,
  };
}

/** The fewest requests that any step of a plan may have in flight: what its pages have to pass through. */
export function tightestLimit(plan: FlowPlan): number {
  return Object.values(plan.connections).reduce((least, c) => Math.min(least, limitOf(c, plan).limit), 100);
}
