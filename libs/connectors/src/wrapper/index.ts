import { isRecord, type Connection } from '#model';
import { limitRecords } from '../limit-records.js';
import type { Adaptor, ConnectorHost, PingResult } from '../ports.js';
import { StackClient } from '../stack/stack-client.js';
import { credentialsOf, errorsIn } from './call-wrapper.js';
import { WrapperDestination } from './destination.js';
import { WrapperLookup, WrapperSource } from './source.js';

/** Adaptor of `WrapperExport` and `WrapperImport`: users' own adaptors, in a server stack. Reference: runtime §16.3. */
export const wrapperAdaptor: Adaptor = {
  createSource: (step, host) => {
    const source = new WrapperSource(step, host);
    return step.type === 'test' ? limitRecords(source, step.test?.limit ?? 1) : source;
  },
  createLookup: (step, host) => new WrapperLookup(step, host),
  createDestination: (step, host) => new WrapperDestination(step, host),
  ping: pingWrapper,
};

async function pingWrapper(connection: Connection, host: ConnectorHost, signal: AbortSignal): Promise<PingResult> {
  const { wrapper } = connection;
  if (wrapper?._stackId === undefined) {
    return refused(422, 'missing_required_field', 'The connection names no stack: set wrapper._stackId.');
  }
  const answer = await StackClient.of(host).call({
    stackId: wrapper._stackId,
    type: 'wrapper',
    name: wrapper.pingFunction,
    options: { connection: credentialsOf(connection) },
    signal,
  });
  if ('failure' in answer)
    return refused(answer.isUnreachable ? 502 : 422, answer.failure.code, answer.failure.message);
  const pinged = isRecord(answer.value) ? answer.value : {};
  const { statusCode } = pinged;
  if (statusCode === 200) return { code: 200 };
  const code = typeof statusCode === 'number' ? statusCode : 422;
  const errors = errorsIn(pinged['errors'], 'connection').map(({ code: name, message }) => ({ code: name, message }));
  return errors.length > 0
    ? { code, errors }
    : refused(code, 'invalid_extension_response', 'The ping function must answer {statusCode, errors}.');
}

function refused(code: number, name: string, message: string): PingResult {
  return { code, errors: [{ code: name, message }] };
}
