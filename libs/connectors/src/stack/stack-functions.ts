import type { FunctionOutcome, FunctionReference, Functions } from '#engine';
import type { JsonRecord, JsonValue } from '#model';
import { mapConcurrently } from '../concurrent.js';
import type { ConnectorHost } from '../ports.js';
import { StackClient } from './stack-client.js';

/** Calls of one page under way at a time, where a function is called once per record. */
const maxConcurrent = 5;

/** Users' functions that live in server stacks. Reference: runtime §16.3. */
export class StackFunctions implements Functions {
  constructor(
    private readonly host: ConnectorHost,
    private readonly signal: AbortSignal,
    private readonly traceparent: string | undefined,
    private readonly integrationId: string | null = null,
  ) {}

  async call({ home, name, configuration }: FunctionReference, options: JsonRecord): Promise<FunctionOutcome> {
    if (!('stackId' in home)) throw new Error(`The function ${name} is not one of a stack.`);
    const answer = await StackClient.of(this.host).call({
      stackId: home.stackId,
      type: 'hook',
      name,
      options: configuration === undefined ? options : { ...options, configuration },
      integrationId: this.integrationId,
      signal: this.signal,
      ...(this.traceparent === undefined ? {} : { traceparent: this.traceparent }),
    });
    return 'failure' in answer ? { failure: answer.failure } : { value: answer.value as JsonValue };
  }

  callEach(
    reference: FunctionReference,
    common: JsonRecord,
    each: readonly JsonRecord[],
  ): Promise<readonly FunctionOutcome[]> {
    return mapConcurrently(each, maxConcurrent, (options) => this.call(reference, { ...common, ...options }));
  }
}
