import type { ResourceTypeName } from '#model';
import type { DocumentQuery } from '#store';
import { badQuery } from '../http/refusals.js';
import { parseProjection, type Projection } from './projection.js';

export type QueryString = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Default and largest page (decision 32). */
export const maxListLimit = 1000;

const textFilters = ['externalId', 'name', 'type', 'adaptorType', '_connectionId', '_integrationId'] as const;

export interface ListRequest {
  readonly query: DocumentQuery;
  readonly projection: Projection;
}

/** Reference: resources §1.5. Unknown parameters are ignored. */
export function parseListQuery(type: ResourceTypeName, query: QueryString): ListRequest {
  const where: Record<string, string | boolean | null> = {};
  for (const name of textFilters) {
    const value = single(query, name);
    if (value !== undefined && value !== '') where[name] = value;
  }
  const disabled = single(query, 'disabled');
  if (disabled !== undefined && disabled !== '') {
    if (disabled !== 'true' && disabled !== 'false') throw badQuery('disabled is true or false.', 'disabled');
    where['disabled'] = disabled === 'true';
  }
  // Instances of abstract flows are hidden unless asked for. Reference: resources §3.6.
  if (type === 'flows' && single(query, 'includeInstances') !== 'true') where['_abstractFlowId'] = null;
  return {
    query: {
      where,
      skip: integer(query, 'skip', 0, 0),
      limit: Math.min(integer(query, 'limit', 1, maxListLimit), maxListLimit),
    },
    projection: parseProjection(single(query, 'include'), single(query, 'exclude')),
  };
}

/** A parameter's only value. */
export function single(query: QueryString, name: string): string | undefined {
  const value = query[name];
  if (value === undefined || typeof value === 'string') return value;
  throw badQuery(`${name} was given more than once.`, name);
}

/** A whole number of at least `min`, or `absent`. */
export function integer(query: QueryString, name: string, min: number, absent: number): number {
  const text = single(query, name);
  if (text === undefined || text === '') return absent;
  const value = Number(text);
  if (!/^\d{1,15}$/.test(text) || value < min) throw badQuery(`${name} is a whole number of at least ${min}.`, name);
  return value;
}
