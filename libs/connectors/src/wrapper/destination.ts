import type { ImportOutcome, PageIdentity, PreparedRecord } from '#engine';
import { PlatformError, type Failure } from '#failures';
import { isRecord, type Import } from '#model';
import { cutUtf8 } from '#security/mask';
import { connectorCodes as codes } from '../codes.js';
import { idempotencyKey } from '../idempotency.js';
import {
  type ConnectorHost,
  type Destination,
  maxPlannedBodyBytes,
  type PlannedRequest,
  type StepContext,
} from '../ports.js';
import { callWrapper, errorsIn } from './call-wrapper.js';

/** An import that a stack's function implements: called once per page. Reference: runtime §16.3. */
export class WrapperDestination implements Destination {
  /** @throws PlatformError when the step names no function */
  constructor(
    private readonly step: Import & { readonly _id: string },
    private readonly host: ConnectorHost,
  ) {
    if (step.wrapper?.function === undefined) {
      throw new PlatformError('missing_required_field', 'The step names no function: set wrapper.function.');
    }
  }

  async submit(
    page: PageIdentity,
    records: readonly PreparedRecord[],
    context: StepContext,
  ): Promise<readonly ImportOutcome[]> {
    const options = this.#options(page, records, context);
    const answer = await callWrapper(this.host, this.step, context, options, 'application');
    if ('failure' in answer) {
      const statusCode = answer.failure.source === 'connection' ? 403 : 422;
      return records.map(() => ({ statusCode, failures: [answer.failure] }));
    }
    const { value } = answer;
    if (!Array.isArray(value)) return records.map(() => ({ statusCode: 422, failures: [noArray] }));
    return records.map((_, at) => outcomeOf(value[at]));
  }

  /** The options of its own that the function would get, without the connection's. */
  preview(
    page: PageIdentity,
    records: readonly PreparedRecord[],
    context: StepContext,
  ): Promise<readonly PlannedRequest[]> {
    if (records.length === 0) return Promise.resolve([]);
    const options = this.#options(page, records, context);
    return Promise.resolve([
      {
        system: 'stack',
        method: this.step.wrapper?.function ?? '',
        target: context.connection.wrapper?._stackId ?? '',
        body: cutUtf8(JSON.stringify(options), maxPlannedBodyBytes),
        indices: records.map(({ index }) => index),
      },
    ]);
  }

  #options(page: PageIdentity, records: readonly PreparedRecord[], context: StepContext) {
    const indices = records.map(({ index }) => index);
    return {
      _importId: this.step._id,
      preMapData: records.map(({ record }) => record),
      postMapData: records.map(({ mapped }) => mapped),
      idempotencyKey: idempotencyKey(context.run.runId, this.step._id, page, indices),
    };
  }
}

/** 200 ok, 401 connection or authorization, 422 other. */
function outcomeOf(element: unknown): ImportOutcome {
  if (!isRecord(element)) return { statusCode: 422, failures: [missing] };
  const { statusCode, id, ignored, errors } = element;
  const answered = typeof statusCode === 'number' ? statusCode : 200;
  const isOffline = answered === 401;
  const failures = errorsIn(errors, isOffline ? 'connection' : 'application');
  const identified = typeof id === 'string' || typeof id === 'number' ? { id: String(id) } : {};
  const common = { ...identified, ...(ignored === true ? { ignored: true } : {}) };
  if (answered >= 200 && answered < 300) {
    return { statusCode: 200, ...common, ...(failures.length === 0 ? {} : { warnings: failures }) };
  }
  return {
    statusCode: isOffline ? 403 : 422,
    ...common,
    failures: failures.length > 0 ? failures : [refused(answered)],
  };
}

function refused(statusCode: number): Failure {
  return {
    code: String(statusCode),
    message: `The function answered with status ${statusCode}.`,
    source: 'application',
  };
}

const noArray: Failure = {
  code: 'invalid_extension_response',
  message: 'A wrapper import must answer an array with one element per record.',
  source: 'application',
};

const missing: Failure = {
  code: codes.missing_result.code,
  message: 'The answer of the function has no element for this record.',
  source: 'application',
};
