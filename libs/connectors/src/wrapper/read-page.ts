import { hash } from 'node:crypto';
import { PlatformError, type Failure } from '#failures';
import { isRecord, type Export, type JsonRecord, type JsonValue } from '#model';
import { connectorCodes as codes } from '../codes.js';
import type { ConnectorHost, StepContext } from '../ports.js';
import { callWrapper, errorsIn } from './call-wrapper.js';

type StoredExport = Export & { readonly _id: string };

/** Where a wrapper export is: what its function returned as state, and how often it has said the same. */
export interface WrapperPosition {
  readonly state?: JsonValue;
  /** of the answer before */
  readonly digest?: string;
  readonly repeats: number;
}

export type WrapperPage =
  | {
      readonly records: readonly JsonValue[];
      readonly failures: readonly Failure[];
      /** null after the last page */
      readonly next: WrapperPosition | null;
      /** bytes, as JSON */
      readonly bytes: number;
    }
  | { readonly failure: Failure };

/** The same answer more often than this is taken for an endless loop. Reference: runtime §16.3. */
const maxRepeats = 5;

/** @throws PlatformError when the step names no function */
export function assertRunnable(step: StoredExport): void {
  if (step.wrapper?.function === undefined) {
    throw new PlatformError('missing_required_field', 'The step names no function: set wrapper.function.');
  }
  if (step.type === 'once' || step.type === 'blob') {
    throw new PlatformError('not_supported', `Wrapper exports of type ${step.type} are not supported yet.`);
  }
}

/** Asks the function for one page. @throws AbortError */
export async function readPage(
  step: StoredExport,
  host: ConnectorHost,
  context: StepContext,
  position: WrapperPosition,
  own: JsonRecord = {},
): Promise<WrapperPage> {
  const options: JsonRecord = {
    _exportId: step._id,
    ...modeOf(step, context),
    ...(position.state === undefined ? {} : { state: position.state }),
    ...own,
  };
  const answer = await callWrapper(host, step, context, options, 'application');
  if ('failure' in answer) return answer;
  const page = answer.value;
  if (!isRecord(page)) return { failure: notAPage('an object with data and lastPage') };
  const data = page['data'] ?? [];
  if (!Array.isArray(data)) return { failure: notAPage('data that is an array') };
  const failures = errorsIn(page['errors'], 'application');
  if (page['connectionOffline'] === true) return { failure: offline(failures) };
  const text = JSON.stringify(page);
  const digest = hash('sha256', text, 'base64');
  const repeats = digest === position.digest ? position.repeats + 1 : 1;
  if (repeats > maxRepeats) return { failure: endless };
  const state = page['state'] as JsonValue | undefined;
  const next = page['lastPage'] === true ? null : { ...(state === undefined ? {} : { state }), digest, repeats };
  return { records: data as readonly JsonValue[], failures, next, bytes: text.length };
}

function modeOf(step: StoredExport, { run }: StepContext): JsonRecord {
  if (step.type === 'delta') {
    const since = run.lastExportDateTime;
    return {
      type: 'delta',
      delta: {
        dateField: step.delta?.dateField,
        lastExecutionTime: since === null ? 0 : Date.parse(since),
      },
    };
  }
  if (step.type === 'test') return { type: 'test', test: { limit: step.test?.limit ?? 1 } };
  return {};
}

function notAPage(expected: string): Failure {
  return {
    code: 'invalid_extension_response',
    message: `A wrapper export must answer ${expected}.`,
    source: 'application',
  };
}

function offline(failures: readonly Failure[]): Failure {
  const [first] = failures;
  return {
    code: first?.code ?? codes.connection_failed.code,
    message: first?.message ?? 'The function says that its connection is offline.',
    source: 'connection',
    classification: 'connection',
  };
}

const endless: Failure = {
  code: codes.endless_paging.code,
  message: `The function gave the same answer more than ${maxRepeats} times.`,
  source: 'application',
};
