import { decodeTryOutReply, encodeTryOut, type TryOutReplyOf, type TryOutTask as Task } from '#contracts';
import type { Clock } from '#connectors';
import { ApiError } from '#failures';
import { type Export, type Import, newId } from '#model';
import { gatherStep, snapshot, type StepAlone } from '#plans';
import { HostCallError } from '#sandbox';
import type { Documents } from '#store';
import {
  assertLookup,
  lookupTask,
  type PageAnswer,
  type PagedExportState,
  type PagedReads,
  refusalOf,
  type StepPlan,
  wholeReadTask,
  writeTask,
} from '#try-outs';
import type { Dispatcher } from '../workers/dispatcher.js';
import type { HostCallScope } from '../workers/protocol.js';
import { type NamedStep, NamedSteps } from './named-steps.js';

type Answers = { readonly [K in Task['kind']]: TryOutReplyOf<K> };

/** As long as people wait; the function that calls is ended long before. */
const timeoutMs = 120_000;

export interface StepCallParts {
  readonly documents: Pick<Documents, 'getMany'>;
  readonly dispatcher: Pick<Dispatcher, 'tryOut' | 'cancelTryOut'>;
  /** null: there are no keys to seal and sign with where the next page begins */
  readonly pages: PagedReads | null;
  readonly clock: Clock;
}

/**
 * Exports and imports that functions of flows run, as people try them out. Reference: runtime §16.2.
 * All of it throws ApiError for what is refused.
 */
export class StepCalls {
  readonly #steps: NamedSteps;

  constructor(private readonly parts: StepCallParts) {
    this.#steps = new NamedSteps(parts);
  }

  /** All records. */
  async read(scope: HostCallScope, named: NamedStep, signal: AbortSignal): Promise<TryOutReplyOf<'read'>> {
    const step = await this.#steps.find(scope.accountId, 'exports', named);
    const plan = await this.#planned(scope, step, { export: step });
    return this.#ask(scope, wholeReadTask(plan, this.parts.clock.now()), signal);
  }

  /** @param state as the answer before gave it; absent: the first page */
  async page(
    scope: HostCallScope,
    named: NamedStep,
    state: PagedExportState | undefined,
    signal: AbortSignal,
  ): Promise<PageAnswer> {
    const { pages } = this.parts;
    if (pages === null) {
      throw new HostCallError('not_supported', 'The executor has no keys for paging: set MILLRACE_ENCRYPTION_KEYS.');
    }
    const step = await this.#steps.find(scope.accountId, 'exports', named);
    const plan = await this.#planned(scope, step, { export: step });
    return pages.page(scope.accountId, plan, state, (task) => this.#ask(scope, task, signal));
  }

  /** By position, what `postResponseMap` would see (runtime §9.2). */
  async lookUp(
    scope: HostCallScope,
    named: NamedStep,
    records: readonly unknown[],
    signal: AbortSignal,
  ): Promise<TryOutReplyOf<'lookup'>['responses']> {
    const step = await this.#steps.find(scope.accountId, 'exports', named);
    assertLookup(step);
    const plan = await this.#planned(scope, step, { lookup: step });
    const { responses } = await this.#ask(scope, lookupTask(plan, records, this.parts.clock.now()), signal);
    return responses;
  }

  /** By position, what `postSubmit` would see (runtime §9.3). */
  async write(
    scope: HostCallScope,
    named: NamedStep,
    records: readonly unknown[],
    signal: AbortSignal,
  ): Promise<TryOutReplyOf<'write'>['responses']> {
    const step = await this.#steps.find(scope.accountId, 'imports', named);
    const plan = await this.#planned(scope, step, { import: step });
    const { responses } = await this.#ask(scope, writeTask(plan, records, this.parts.clock.now()), signal);
    return responses;
  }

  async #ask<T extends Task>(scope: HostCallScope, task: T, signal: AbortSignal): Promise<Answers[T['kind']]> {
    signal.throwIfAborted();
    const { clock, dispatcher } = this.parts;
    const { accountId, depth, traceparent } = scope;
    const id = newId(clock.now());
    const deadline = new Date(clock.now() + timeoutMs).toISOString();
    const trace = traceparent === undefined ? {} : { traceparent };
    const payload = encodeTryOut({ v: 1, id, accountId, deadline, ...trace }, task);
    const canceled = Promise.withResolvers<never>();
    const cancel = (): void => canceled.reject(signal.reason);
    signal.addEventListener('abort', cancel, { once: true });
    try {
      const answer = dispatcher.tryOut({ id, payload, depth: depth + 1, ...trace });
      const reply = decodeTryOutReply(await Promise.race([answer, canceled.promise]));
      if (reply.kind === 'refused') throw refusalOf(reply);
      if (reply.kind !== task.kind) throw new Error(`A ${task.kind} was answered with ${reply.kind}.`);
      return reply as Answers[T['kind']];
    } finally {
      signal.removeEventListener('abort', cancel);
      if (signal.aborted) await dispatcher.cancelTryOut(id);
    }
  }

  async #planned<T extends Export | Import>(
    { accountId, integrationId }: HostCallScope,
    step: T & { readonly _id: string },
    alone: StepAlone,
  ): Promise<StepPlan<T>> {
    const { documents } = this.parts;
    const reader = { read: documents.getMany.bind(documents) };
    const gathered = await gatherStep(reader, accountId, alone, integrationId);
    if (gathered.missing.length > 0) {
      const message = `These do not exist: ${gathered.missing.join(', ')}.`;
      throw new ApiError(422, [{ code: 'invalid_ref', message }]);
    }
    return { step, plan: snapshot(gathered) };
  }
}
