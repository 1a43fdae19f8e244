import type { Failure, FailureSource } from '#failures';
import { isRecord, type Connection, type Export, type Import, type JsonRecord } from '#model';
import { connectionFailure } from '../connection-failure.js';
import type { ConnectorHost, StepContext } from '../ports.js';
import { StackClient } from '../stack/stack-client.js';

type Stored<T> = T & { readonly _id: string };

/** What every function of a wrapper gets. Reference: runtime §16.3. */
function surroundings(connection: Connection, step: Stored<Export> | Stored<Import>, context: StepContext): JsonRecord {
  return {
    connection: credentialsOf(connection),
    _flowId: context.run.flowId,
    ...(context.integrationId === undefined ? {} : { _integrationId: context.integrationId }),
    settings: context.settings as JsonRecord,
    ...('configuration' in (step.wrapper ?? {}) ? { configuration: step.wrapper!.configuration } : {}),
  } as JsonRecord;
}

/** `encrypted` and `unencrypted` as they were saved. */
export function credentialsOf({ _id, wrapper }: Connection): JsonRecord {
  const { encrypted, unencrypted } = wrapper ?? {};
  return {
    ...(_id === undefined ? {} : { _id }),
    encrypted: isRecord(encrypted) ? encrypted : {},
    unencrypted: unencrypted ?? {},
  };
}

/**
 * Calls a step's function under a permit of its connection. Never rejects for what the stack does.
 *
 * @param source of a failure of the function itself
 * @throws AbortError
 */
export async function callWrapper(
  host: ConnectorHost,
  step: Stored<Export> | Stored<Import>,
  context: StepContext,
  own: JsonRecord,
  source: FailureSource,
): Promise<{ readonly value: unknown } | { readonly failure: Failure }> {
  let connection: Connection;
  try {
    connection = await host.openSecrets(context.connection);
  } catch (error) {
    return { failure: connectionFailure(error) };
  }
  const stackId = connection.wrapper?._stackId;
  if (stackId === undefined) return { failure: unnamedStack };
  const permit = await host.limits.acquire(context.connection._id, context.signal);
  const startedAtMs = host.clock.now();
  try {
    const answer = await StackClient.of(host).call({
      stackId,
      type: 'wrapper',
      name: step.wrapper!.function,
      options: { ...surroundings(connection, step, context), ...own },
      integrationId: context.integrationId ?? null,
      signal: context.signal,
      ...(context.traceparent === undefined ? {} : { traceparent: context.traceparent }),
    });
    host.observe?.({
      connectionId: context.connection._id,
      stepId: context.stepId,
      system: 'stack',
      method: 'POST',
      target: stackId,
      status: 'failure' in answer ? null : 200,
      startedAtMs,
      durationMs: host.clock.now() - startedAtMs,
      ...('failure' in answer ? { error: answer.failure.code } : {}),
    });
    if (!('failure' in answer)) {
      host.limits.succeeded(context.connection._id);
      return answer;
    }
    return { failure: { ...answer.failure, source: answer.isUnreachable ? 'connection' : source } };
  } finally {
    permit.release();
  }
}

const unnamedStack: Failure = {
  code: 'missing_required_field',
  message: 'The connection names no stack: set wrapper._stackId.',
  source: 'connection',
};

/** Errors of a wrapper's answer. */
export function errorsIn(errors: unknown, source: FailureSource): readonly Failure[] {
  if (!Array.isArray(errors)) return [];
  return errors.map((entry: unknown): Failure => {
    const { code, message } = (isRecord(entry) ? entry : {}) as { code?: unknown; message?: unknown };
    return {
      code: typeof code === 'string' && code !== '' ? code : 'stack_error',
      message:
        typeof message === 'string' && message !== '' ? message : 'The function reported an error without message.',
      source,
    };
  });
}
