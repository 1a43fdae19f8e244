import type { PlannedRequest } from '#connectors';
import type { TryOutReply, TryOutReplyOf, TryOutTaskOf } from '#contracts';
import { compileImportAlone, type PageRecord, recordOfChild, type RecordFailure, type StageEntry } from '#engine';
import type { Failure } from '#failures';
import { isRecord, type JsonRecord, type JsonValue } from '#model';
import { loadPlan } from '../workers/loaded-plan.js';
import { Exchanges } from './exchanges.js';
import { reasonOf } from './reasons.js';
import { loadedOrRefused } from './refusal.js';
import { StageLog } from './stage-log.js';
import type { TryOutContext } from './try-out-context.js';
import { WriteEffects } from './write-effects.js';

type WriteReply = TryOutReplyOf<'write'>;

/** Records through an import: mapped, up to the requests that would be sent, or to the destination. */
export async function writeRecords(task: TryOutTaskOf<'write'>, context: TryOutContext): Promise<TryOutReply> {
  const { importId, until } = task;
  const { world, host, traceparent } = context;
  const plan = context.planOf(task);
  const kit = { ...world.kit, compileFlow: compileImportAlone };
  const loaded = loadedOrRefused(loadPlan(task.runId, plan, kit, host));
  const run = context.runOf(task, plan);
  const runContext = run.contextOf(importId);
  const exchanges = new Exchanges();
  const log = new StageLog();
  const effects = new WriteEffects(until, {
    loaded,
    run,
    context: runContext,
    calls: exchanges.calls,
    traceparent,
    functions: context.functionsOf(plan, run),
    locks: world.locks,
    watch: log.watch,
  });
  const records = task.records.map((record, index): PageRecord => ({ index, record: record as JsonValue }));
  const page = { generator: importId, page: 0 };
  const { failures } = await world.kit.runPage(loaded.flow, 0, page, records, runContext, effects);
  return {
    v: 1,
    kind: 'write',
    mapped: mappedOf(records, log.entriesOf(importId, 'mapping', 'postMapHook'), failures),
    requests: effects.planned.map((request) => requestOf(request, plan.imports[importId]?.oneToMany === true)),
    responses: until === 'send' ? responsesOf(records, log.entriesOf(importId, 'responseMap')) : [],
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

/** By position. A record whose children were imported has one answer made of theirs (errors §4, `oneToMany_error`). */
function responsesOf(records: readonly PageRecord[], entries: readonly StageEntry[]): WriteReply['responses'] {
  return records.map(({ index }) => {
    const own = entries.flatMap(({ index: at, input }) => (at === index && isRecord(input) ? [input] : []));
    const [first] = own;
    if (first === undefined) return { statusCode: 200 };
    return own.length === 1 ? shown(first) : joined(own);
  });
}

/** Without what says nothing; headers of answers hold cookies. */
function shown({ errors, ignored, _headers, ...response }: JsonRecord): JsonRecord {
  return {
    ...response,
    ...(ignored === true ? { ignored } : {}),
    ...(Array.isArray(errors) && errors.length > 0 ? { errors } : {}),
  };
}

function joined(responses: readonly JsonRecord[]): JsonRecord {
  const errors = responses.flatMap(({ errors: own }) => (Array.isArray(own) ? (own as JsonValue[]) : []));
  const statusCode = errors.length > 0 ? 422 : 200;
  return shown({ statusCode, errors, _json: responses.map(({ _json }) => _json ?? null) });
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
