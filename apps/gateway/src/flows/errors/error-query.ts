import { classifications, failureSources } from '#failures';
import type { StepErrorQuery } from '#store';
import { badQuery } from '../../http/refusals.js';
import { isoTime } from '../../jobs/job-query.js';
import { integer, type QueryString, single } from '../../resources/list-query.js';

/** Largest page of errors. Reference: limits A1. */
const maxErrors = 1000;

/** Reference: errors §6. Bounds are inclusive. */
export function parseErrorQuery(query: QueryString): StepErrorQuery {
  const gte = time(query, 'occurredAt_gte');
  const lte = time(query, 'occurredAt_lte');
  const source = oneOf(query, 'source', failureSources);
  const classification = oneOf(query, 'classification', classifications);
  const flowJobId = single(query, '_flowJobId');
  const after = single(query, 'after');
  return {
    ...(gte || lte ? { occurredAt: { ...(gte ? { gte } : {}), ...(lte ? { lte } : {}) } } : {}),
    ...(source ? { source } : {}),
    ...(classification ? { classification } : {}),
    ...(flowJobId ? { flowJobId } : {}),
    limit: Math.min(integer(query, 'limit', 1, maxErrors), maxErrors),
    ...(after ? { after: decodeAfter(after) } : {}),
  };
}

function time(query: QueryString, name: string): string | undefined {
  const text = single(query, name);
  return text === undefined || text === '' ? undefined : isoTime(text, name);
}

function oneOf(query: QueryString, name: string, allowed: readonly string[]): string | undefined {
  const value = single(query, name);
  if (value === undefined || value === '') return undefined;
  if (!allowed.includes(value)) throw badQuery(`${name} is one of ${allowed.join(', ')}.`, name);
  return value;
}

interface Place {
  readonly occurredAt: string;
  readonly errorId: string;
}

/** Opaque to clients. */
export function encodeAfter({ occurredAt, errorId }: Place): string {
  return Buffer.from(`${occurredAt},${errorId}`, 'utf8').toString('base64url');
}

function decodeAfter(text: string): Place {
  const [occurredAt = '', errorId = '', ...rest] = Buffer.from(text, 'base64url').toString('utf8').split(',');
  if (rest.length > 0 || !/^[A-Za-z0-9_-]{1,100}$/.test(errorId))
    throw badQuery('after is not a page position.', 'after');
  return { occurredAt: isoTime(occurredAt, 'after'), errorId };
}
