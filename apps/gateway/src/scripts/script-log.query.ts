import { isId } from '#model';
import type { ScriptLogQuery, ScriptLogRow } from '#store';
import { badQuery } from '../http/refusals.js';
import { isoTime } from '../jobs/job-query.js';
import { integer, type QueryString, single } from '../resources/list-query.js';

export const logLevels = ['error', 'warn', 'info', 'debug'] as const;

/** Largest page of log lines. Reference: limits A1. */
export const maxLogLines = 1000;

/** Reference: resources §9. Bounds other than `time_gt` are inclusive. */
export function parseScriptLogQuery(query: QueryString): ScriptLogQuery {
  const levels = levelsOf(query);
  const gt = time(query, 'time_gt');
  const gte = time(query, 'startDate');
  const lte = time(query, 'endDate');
  const flowId = single(query, '_flowId');
  if (flowId !== undefined && flowId !== '' && !isId(flowId)) throw badQuery('_flowId is an id.', '_flowId');
  return {
    ...(levels ? { levels } : {}),
    ...(gt ? { gt } : {}),
    ...(gte ? { gte } : {}),
    ...(lte ? { lte } : {}),
    ...(flowId ? { flowId } : {}),
    limit: Math.min(integer(query, 'limit', 1, maxLogLines), maxLogLines),
    offset: integer(query, 'offset', 0, 0),
  };
}

function time(query: QueryString, name: string): string | undefined {
  const text = single(query, name);
  return text === undefined || text === '' ? undefined : isoTime(text, name);
}

/** One level, or several with commas between. */
function levelsOf(query: QueryString): ScriptLogRow['level'][] | undefined {
  const text = single(query, 'level');
  if (text === undefined || text === '') return undefined;
  return text.split(',').map((name) => {
    const level = logLevels.find((known) => known === name);
    if (!level) throw badQuery(`level is one of ${logLevels.join(', ')}.`, 'level');
    return level;
  });
}
