import type { TryOutReply, TryOutTaskOf } from '#contracts';
import type { JsonRecord, JsonValue } from '#model';
import { recordsThrough } from './records-through.js';
import { responsesOf } from './step-responses.js';
import type { TryOutContext } from './try-out-context.js';
import { WatchedEffects } from './watched-effects.js';

/** What a lookup finds for each of some records; nothing for one that failed. Reference: runtime §9.2. */
export async function lookUpRecords(task: TryOutTaskOf<'lookup'>, context: TryOutContext): Promise<TryOutReply> {
  const { exportId } = task;
  const { records, log } = await recordsThrough(task, exportId, context, (parts) => new WatchedEffects(parts));
  const responses = responsesOf(records, log.entriesOf(exportId, 'responseMap'), foundByAll);
  return { v: 1, kind: 'lookup', responses: responses.map((response) => ({ data: [], ...response })) };
}

function foundByAll(responses: readonly JsonRecord[]): JsonRecord {
  return { data: responses.flatMap(({ data }) => (Array.isArray(data) ? (data as JsonValue[]) : [])) };
}
