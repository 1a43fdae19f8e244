import { ApiError, type ApiErrorEntry } from '#failures';
import { HostCallError } from '#sandbox';
import { count, type Logger } from '#telemetry';
import { exportAnswer } from '#try-outs';
import { executorCodes } from '../codes.js';
import type { HostCallAnswer, HostCallScope, Notice, WorkerPool } from '../workers/protocol.js';
import { hostArguments, type HostArguments } from './arguments.js';
import type { FlowCalls } from './flow-calls.js';
import { RequestCalls } from './request-calls.js';
import type { StateCalls } from './state-calls.js';
import type { StepCalls } from './step-calls.js';

/** A function that a called export or import runs may call again, so deep. */
const maxDepth = 3;

export interface HostCallParts {
  readonly steps: StepCalls;
  readonly flows: FlowCalls;
  readonly state: StateCalls;
  readonly pool: Pick<WorkerPool, 'worker' | 'onLost'>;
  readonly logger: Logger;
}

type HostCallNotice = Extract<Notice, { kind: 'host-call' | 'host-call-over' }>;

/**
 * Answers what functions ask of the platform. Their workers say for whom; scripts say only what. As many calls are under way
 * as functions run, and these are bounded per account.
 */
export class HostCalls {
  readonly #parts: HostCallParts;
  /** by worker and request */
  readonly #open = new Map<string, AbortController>();
  readonly #requests: RequestCalls;

  constructor(parts: HostCallParts) {
    this.#parts = parts;
    this.#requests = new RequestCalls(parts.steps);
    parts.pool.onLost((worker) => {
      for (const [key, abort] of this.#open) if (key.startsWith(`${worker}/`)) abort.abort();
    });
  }

  handle(worker: number, notice: HostCallNotice): void {
    const key = `${worker}/${notice.requestId}`;
    if (notice.kind === 'host-call-over') return this.#open.get(key)?.abort();
    const abort = new AbortController();
    this.#open.set(key, abort);
    void this.#serve(worker, notice, abort.signal).finally(() => this.#open.delete(key));
  }

  async #serve(worker: number, notice: HostCallNotice & { kind: 'host-call' }, signal: AbortSignal): Promise<void> {
    const answer = await this.#answer(notice, signal);
    if (signal.aborted) return;
    try {
      await this.#parts.pool.worker(worker).control({ kind: 'host-answer', requestId: notice.requestId, answer });
    } catch (error) {
      this.#parts.logger.warn({ error }, 'A worker could not be given an answer for a script');
    }
  }

  async #answer(
    { name, values, scope }: Extract<HostCallNotice, { kind: 'host-call' }>,
    signal: AbortSignal,
  ): Promise<HostCallAnswer> {
    let outcome = 'answered';
    try {
      const value = await this.#perform(name, hostArguments(name, values), scope, signal);
      return value === undefined ? {} : { json: JSON.stringify(value) };
    } catch (error) {
      outcome = 'failed';
      if (error instanceof HostCallError) return { code: error.code, message: error.message };
      if (error instanceof ApiError) return thrown(error.errors);
      if (!signal.aborted) {
        this.#parts.logger.error({ error, accountId: scope.accountId, name }, 'A call of a script failed');
      }
      return { code: 'internal_error', message: `The executor failed at ${name}.` };
    } finally {
      count('millrace.script.host_calls', 1, { outcome });
    }
  }

  async #perform(name: string, call: HostArguments, scope: HostCallScope, signal: AbortSignal): Promise<unknown> {
    const { steps, flows, state } = this.#parts;
    const { accountId } = scope;
    switch (call.kind) {
      case 'get':
        return state.get(accountId, call.key);
      case 'put':
        return state.put(accountId, call.key, call.value);
      case 'delete':
        return state.delete(accountId, call.key);
      case 'find':
        return state.find(accountId);
      case 'start':
        return flows.run(scope, call.flowId, call.window);
      case 'read': {
        const reply = await steps.read(within(scope, name), call.step, signal);
        if (reply.endedEarly) throw new ApiError(422, reply.errors);
        return exportAnswer(reply);
      }
      case 'page': {
        const page = await steps.page(within(scope, name), call.step, call.state, signal);
        // A function that goes on until it is done would never end.
        if (page.pagedExportState === undefined) throw new ApiError(422, page.errors ?? []);
        return page;
      }
      case 'lookup':
        return steps.lookUp(within(scope, name), call.step, call.records, signal);
      case 'write':
        return steps.write(within(scope, name), call.step, call.records, signal);
      default:
        return this.#requests.answer(within(scope, name), call.request, signal);
    }
  }
}

/** What the API would refuse, as a script catches it. */
function thrown(errors: readonly ApiErrorEntry[]): HostCallAnswer {
  return { code: errors[0]?.code ?? 'internal_error', message: errors.map(({ message }) => message).join(' ') };
}

/** The scope, when exports and imports may be called in it. @throws HostCallError Reference: runtime §16.2. */
function within(scope: HostCallScope, name: string): HostCallScope {
  const { integrationId, depth } = scope;
  if (integrationId === null) {
    throw new HostCallError(
      executorCodes.integration_required.code,
      `${name} can be called in flows that belong to an integration only. Move the flow into an integration.`,
    );
  }
  if (depth >= maxDepth) {
    throw new HostCallError(
      executorCodes.host_calls_too_deep.code,
      `${name}: exports and imports that functions call may call others ${maxDepth} levels deep.`,
    );
  }
  return scope;
}
