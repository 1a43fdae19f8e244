import { isId, jobStatuses, jobTypes } from '#model';
import type { JobQuery } from '#store';
import { badQuery } from '../http/refusals.js';
import { integer, type QueryString, single } from '../resources/list-query.js';

/** Largest answer; continue with `createdAt_lte` of the last row. Reference: resources §1.5. */
export const maxJobRows = 1001;

/** Names that published clients use for the same filters. */
const aliases: Readonly<Record<string, string>> = {
  integration_id: '_integrationId',
  flow_id: '_flowId',
  flow_id_in: '_flowId_in',
  export_id: '_exportId',
  import_id: '_importId',
  flow_job_id: '_flowJobId',
  _parentJobId: '_flowJobId',
};

/** Reference: resources §13. Unknown parameters are ignored. */
export function parseJobQuery(given: QueryString): JobQuery {
  const query: Record<string, string | readonly string[] | undefined> = {};
  for (const [name, value] of Object.entries(given))
    query[Object.hasOwn(aliases, name) ? aliases[name]! : name] ??= value;

  const flows = list(query, '_flowId_in');
  const flow = id(query, '_flowId');
  for (const entry of flows ?? []) if (!isId(entry)) throw badQuery('_flowId_in holds ids.', '_flowId_in');
  const counts = (['numSuccess', 'numExport', 'numIgnore', 'numError'] as const).flatMap((field) =>
    (['gte', 'lte'] as const).flatMap((op) => {
      const value = integer(query, `${field}_${op}`, 0, -1);
      return value < 0 ? [] : [{ field, op, value }];
    }),
  );
  const limit = integer(query, 'pageSize', 1, integer(query, 'limit', 1, maxJobRows));
  return {
    ...defined({
      type: oneOf(query, 'type', jobTypes),
      status: oneOf(query, 'status', jobStatuses),
      _integrationId: id(query, '_integrationId'),
      _flowId: flow === undefined ? flows : [flow],
      _exportId: id(query, '_exportId'),
      _importId: id(query, '_importId'),
      _flowJobId: id(query, '_flowJobId'),
      createdAt: times(query, 'createdAt', ['gte', 'lte', 'gt']),
      startedAt: times(query, 'startedAt', ['gte', 'lte']),
    }),
    ...(counts.length === 0 ? {} : { counts }),
    limit: Math.min(limit, maxJobRows),
  };
}

function defined<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

function id(query: QueryString, name: string): string | undefined {
  const value = single(query, name);
  if (value === undefined || value === '') return undefined;
  if (!isId(value)) throw badQuery(`${name} is an id.`, name);
  return value;
}

/** Comma-separated, or the parameter repeated. */
function list(query: QueryString, name: string): readonly string[] | undefined {
  const value = query[name] ?? query[`${name}[]`];
  if (value === undefined || value === '') return undefined;
  return typeof value === 'string' ? value.split(',') : value;
}

function oneOf(query: QueryString, name: string, allowed: readonly string[]): readonly string[] | undefined {
  const values = list(query, name) ?? list(query, `${name}_in`);
  for (const value of values ?? []) {
    if (!allowed.includes(value)) throw badQuery(`${name} is one of ${allowed.join(', ')}.`, name);
  }
  return values;
}

function times<Op extends string>(
  query: QueryString,
  name: string,
  ops: readonly Op[],
): Partial<Record<Op, string>> | undefined {
  const bounds: Partial<Record<Op, string>> = {};
  for (const op of ops) {
    const value = single(query, `${name}_${op}`);
    if (value === undefined || value === '') continue;
    bounds[op] = isoTime(value, `${name}_${op}`);
  }
  return Object.keys(bounds).length === 0 ? undefined : bounds;
}

/** ISO 8601, or epoch milliseconds. */
export function isoTime(text: string, name: string): string {
  const time = /^\d{10,15}$/.test(text) ? Number(text) : /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(time) || Math.abs(time) > 8.64e15) throw badQuery(`${name} is an ISO 8601 time.`, name);
  return new Date(time).toISOString();
}
