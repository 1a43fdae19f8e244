import type { PlannedRequest } from '#connectors';
import type { TryOutReply, TryOutReplyOf, TryOutTaskOf } from '#contracts';
import { type PageRecord, recordOfChild, type RecordFailure, type StageEntry } from '#engine';
import type { Failure } from '#failures';
import type { JsonRecord, JsonValue } from '#model';
import { reasonOf } from './reasons.js';
import { recordsThrough } from './records-through.js';
import { responsesOf } from './step-responses.js';
import type { TryOutContext } from './try-out-context.js';
import { WriteEffects } from './write-effects.js';

type WriteReply = TryOutReplyOf<'write'>;

/** Records through an import: mapped, up to the requests that would be sent, or to the destination. */
export async function writeRecords(task: TryOutTaskOf<'write'>, context: TryOutContext): Promise<TryOutReply> {
  const { importId, until } = task;
  const { plan, records, effects, log, exchanges, failures } = await recordsThrough(
    task,
    importId,
    context,
    (parts) => new WriteEffects(until, parts),
  );
  return {
    v: 1,
    kind: 'write',
    mapped: mappedOf(records, log.entriesOf(importId, 'mapping', 'postMapHook'), failures),
    requests: effects.planned.map((request) => requestOf(request, plan.imports[importId]?.oneToMany === true)),
    responses: until === 'send' ? responsesOf(records, log.entriesOf(importId, 'responseMap'), answersOfAll) : [],
    stages: task.testMode ? log.stagesOf(importId, exchanges.stagesOf(importId)) : [],
  };
}

/** By position: what is sent of a record, of its children a list; why it failed; or that it is passed over. */
function mappedOf(
  records: readonly PageRecord[],
  entries: readonly StageEntry[],
  failures: readonly RecordFailure[],
): JsonValue[] {
  return records.map(({ index }): JsonValue => {
    const own = entries.filter((entry) => entry.index === index);
    const outputs = own.flatMap(({ output }) => (output === undefined ? [] : [output]));
    const failed = failures.filter((failure) => failure.index === index && failure.warning !== true);
    if (failed.length > 0) return { errors: failed.map(({ failure }) => errorOf(failure)) };
    if (own.length === 0) return { ignored: true };
    return own.length === 1 && outputs.length === 1 ? outputs[0]! : outputs;
  });
}

function answersOfAll(responses: readonly JsonRecord[]): JsonRecord {
  return { _json: responses.map(({ _json }) => _json ?? null) };
}

/** @param ofChildren whether its records are children of those that were given */
function requestOf(request: PlannedRequest, ofChildren: boolean): WriteReply['requests'][number] {
  const { system, method, target, headers, body, indices, failure } = request;
  return {
    system,
    method,
    target,
    ...(headers === undefined ? {} : { headers: { ...headers } }),
    ...(body === undefined ? {} : { body }),
    records: ofChildren ? [...new Set(indices.map(recordOfChild))] : [...indices],
    ...(failure === undefined ? {} : { error: reasonOf(failure) }),
  };
}

function errorOf({ code, message, source }: Failure): JsonRecord {
  return { code, message, source };
}
