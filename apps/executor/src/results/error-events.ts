import type { ErrorEvent } from '#contracts';
import type { RecordFailure } from '#engine';
import type { Failure } from '#failures';
import type { JsonValue } from '#model';
import { parseTraceparent } from '#telemetry/trace-context';
import type { EncodedErrors } from '../workers/protocol.js';
import { errorIdOf } from '../work-ids.js';

/** Retry records from this size on (bytes of JSON) are stored as blobs and named by the event. */
export const retryBlobFromBytes = 64 * 1024;
const maxMessageLength = 4 * 1024;
const maxExchangeBodyLength = 8 * 1024;
const maxTraceKeyLength = 512;

/** Where a failure happened; with its ordinal it names the error for ever. */
export interface FailurePlace {
  readonly runId: string;
  readonly exportId: string;
  readonly ordinal: number;
  /** as in a page's header */
  readonly content?: string | undefined;
}

/** Collects the errors of one task as JSON text with deterministic ids. Reference: errors §2, §7. */
export class ErrorEvents {
  readonly #events: string[] = [];
  readonly #blobs: { key: string; json: string }[] = [];
  /** how many failures a record had at a step, for ids that stay apart */
  readonly #seen = new Map<string, number>();
  readonly #traceId: string | undefined;

  constructor(
    private readonly place: FailurePlace,
    private readonly nowIso: () => string,
    traceparent: string | undefined,
  ) {
    this.#traceId = parseTraceparent(traceparent)?.traceId;
  }

  get count(): number {
    return this.#events.length;
  }

  /** A record that failed at a step. */
  addRecord(page: number, failed: RecordFailure): void {
    const copied = failed.copy === undefined ? `${page}` : `${page}.${failed.copy}`;
    const pageName = this.place.content === undefined ? copied : `${copied}~${this.place.content}`;
    const where = `${failed.stepId}/${pageName}/${failed.index}`;
    const ordinal = this.#seen.get(where) ?? 0;
    this.#seen.set(where, ordinal + 1);
    const { runId, exportId, ordinal: generator } = this.place;
    this.#add(
      {
        stepId: failed.stepId,
        errorId: errorIdOf(runId, failed.stepId, `${generator}.${exportId}`, pageName, failed.index, ordinal),
        page,
        index: failed.index,
        failure: bounded(failed.failure),
        traceKey: failed.traceKey.slice(0, maxTraceKeyLength),
        ...(failed.exportDataURI === undefined ? {} : { exportDataURI: failed.exportDataURI }),
        ...(failed.importDataURI === undefined ? {} : { importDataURI: failed.importDataURI }),
        stage: failed.stage,
        ...(failed.warning === true ? { warning: true } : {}),
        ...(failed.routerId === undefined ? {} : { routerId: failed.routerId }),
      },
      failed.retryRecord,
    );
  }

  /** A failure of the generator as a whole. @param name sets it apart within its generator */
  addGenerator(name: string, failure: Failure): void {
    this.#addWithoutPage(name, -1, failure);
  }

  /**
   * A record that could not be read and is in no page. It counts through the generator's totals.
   *
   * @param nth number of failures before it over the whole generator, whatever slices they were read in
   */
  addUnread(nth: number, failure: Failure): void {
    this.#addWithoutPage(`unread/${nth}`, nth, failure);
  }

  /** A failure of a processor that is no record's. @param name sets it apart within its step */
  addStep(stepId: string, name: string, failure: Failure): void {
    this.#addWithoutPage(name, -1, failure, stepId, 'page_processor_import');
  }

  #addWithoutPage(
    name: string,
    index: number,
    failure: Failure,
    stepId = this.place.exportId,
    stage = 'page_generator',
  ): void {
    const { runId, ordinal } = this.place;
    this.#add(
      {
        stepId,
        errorId: errorIdOf(runId, stepId, ordinal, name),
        page: -1,
        index,
        failure: bounded(failure),
        traceKey: '',
        stage,
      },
      null,
    );
  }

  encode(): EncodedErrors {
    return { events: this.#events, blobs: this.#blobs };
  }

  #add(event: Omit<ErrorEvent, 'retryRecord' | 'retryBlob' | 'occurredAt' | 'traceId'>, retryRecord: JsonValue): void {
    const json = JSON.stringify(retryRecord);
    const isLarge = json.length >= retryBlobFromBytes;
    const key = `retry/${this.place.runId}/${event.errorId}`;
    if (isLarge) this.#blobs.push({ key, json });
    const head = JSON.stringify({
      ...event,
      occurredAt: this.nowIso(),
      ...(this.#traceId === undefined ? {} : { traceId: this.#traceId }),
      ...(isLarge ? { retryBlob: key } : {}),
    });
    // The record was serialised once already.
    this.#events.push(`${head.slice(0, -1)},"retryRecord":${isLarge ? 'null' : json}}`);
  }
}

/** Bounds what travels: secrets were removed where the failure was made; lengths are bounded here. */
function bounded(failure: Failure): ErrorEvent['failure'] {
  const { code, source, classification, exchange } = failure;
  return {
    code,
    message: failure.message.slice(0, maxMessageLength),
    source,
    ...(classification === undefined ? {} : { classification }),
    ...(exchange === undefined
      ? {}
      : {
          exchange: {
            ...exchange,
            ...(exchange.requestBody === undefined ? {} : { requestBody: cut(exchange.requestBody) }),
            ...(exchange.responseBody === undefined ? {} : { responseBody: cut(exchange.responseBody) }),
          },
        }),
  };
}

function cut(text: string): string {
  return text.length <= maxExchangeBodyLength ? text : text.slice(0, maxExchangeBodyLength);
}
