import { hash } from 'node:crypto';
import type { ErrorEvent, StepResult } from '#contracts';
import { failureSources } from '#failures';
import type { JsonRecord, JsonValue } from '#model';
import type { StepErrorRow } from '#store';
import { classify } from '../classify/classify.js';

export interface ErrorRowContext {
  readonly result: StepResult;
  /** Position of the step in its flow; null when the step is not part of it any more. */
  readonly oIndex: number | null;
  /** How long errors are kept, in milliseconds. */
  readonly retentionMs: number;
}

const maxMessageLength = 4_096;
const maxCodeLength = 256;
/** Reference: errors §10. */
const maxTraceKeyLength = 512;
/** Minuend of reverse timestamps: 13 digits from now until the year 2255, so text order is time order, newest first. */
const reverseFromMs = 10_000_000_000_000;

const sources: ReadonlySet<string> = new Set(failureSources);

/** The stored form of one failed record. Everything derived is deterministic, so a redelivery makes the same row. */
export function toErrorRow(event: ErrorEvent, { result, oIndex, retentionMs }: ErrorRowContext): StepErrorRow {
  const { failure } = event;
  const occurredAtMs = Date.parse(event.occurredAt);
  const exchange = failure.exchange as JsonRecord | undefined;
  const status = exchange?.['status'];
  const classification = classify({ ...failure, status: typeof status === 'number' ? status : undefined });
  const retryData = retryDataOf(event);
  return {
    errorId: event.errorId,
    accountId: result.accountId,
    flowId: result.flowId,
    stepId: event.stepId,
    flowJobId: result.runId,
    occurredAt: new Date(occurredAtMs).toISOString(),
    source: sources.has(failure.source) ? failure.source : 'internal',
    code: failure.code.slice(0, maxCodeLength),
    message: failure.message.slice(0, maxMessageLength),
    classification,
    classifiedBy: classification === null ? null : 'autopilot',
    traceKey: event.traceKey.slice(0, maxTraceKeyLength),
    exportDataURI: event.exportDataURI ?? null,
    importDataURI: event.importDataURI ?? null,
    oIndex: oIndex === null ? '' : String(oIndex),
    retryDataKey: retryData === null ? null : hash('sha256', `retry ${event.errorId}`, 'hex').slice(0, 32),
    retriable: retryData !== null,
    reqAndResKey: exchange === undefined ? null : exchangeKey(event.errorId, occurredAtMs, exchange),
    traceId: event.traceId ?? null,
    warning: event.warning ?? false,
    purgeAt: new Date(occurredAtMs + retentionMs).toISOString(),
    retryData,
    exchange: exchange ?? null,
  };
}

/** Reference: errors §7. Null when there is nothing to run again. */
function retryDataOf(event: ErrorEvent): JsonRecord | null {
  if (event.retryBlob !== undefined) return { blob: event.retryBlob };
  if (event.retryRecord === null || event.retryRecord === undefined) return null;
  return {
    data: event.retryRecord as JsonValue,
    stage: event.stage,
    traceKey: event.traceKey,
    ...(event.routerId === undefined ? {} : { routerId: event.routerId }),
    ...(event.exportDataURI === undefined ? {} : { dataURI: event.exportDataURI }),
  };
}

/** `<reverse timestamp ms>-<32 hex>-<status>-<METHOD>`; status 0 when no answer came. Reference: errors §2. */
function exchangeKey(errorId: string, atMs: number, exchange: JsonRecord): string {
  const { status, method } = exchange;
  const reverse = String(reverseFromMs - atMs).padStart(13, '0');
  const verb = typeof method === 'string' && /^[A-Za-z]{1,16}$/.test(method) ? method.toUpperCase() : 'UNKNOWN';
  return `${reverse}-${hash('sha256', `exchange ${errorId}`, 'hex').slice(0, 32)}-${typeof status === 'number' ? status : 0}-${verb}`;
}
