import {
  decodeTryOutReply,
  encodeTryOut,
  type TryOutReason,
  type TryOutReplyOf,
  type TryOutTask as Task,
} from '#contracts';
import type { Clock } from '#connectors';
import { type Export, type Import, type JsonRecord, newId, parseResource, resourceTypes } from '#model';
import { gatherStep, snapshot, type StepAlone } from '#plans';
import { HostCallError } from '#sandbox';
import type { Documents } from '#store';
import type { Dispatcher } from '../workers/dispatcher.js';
import type { HostCallScope } from '../workers/protocol.js';

type Answers = { readonly [K in Task['kind']]: TryOutReplyOf<K> };

/** As long as people wait; the function that calls is ended long before. */
const timeoutMs = 120_000;

export interface StepCallParts {
  readonly documents: Pick<Documents, 'getMany'>;
  readonly dispatcher: Pick<Dispatcher, 'tryOut' | 'cancelTryOut'>;
  readonly clock: Clock;
}

/** Exports and imports that functions of flows run, as people try them out. Reference: runtime §16.2. */
export class StepCalls {
  constructor(private readonly parts: StepCallParts) {}

  async runExport(scope: HostCallScope, id: string, signal: AbortSignal): Promise<JsonRecord> {
    return this.#read(scope, await this.#stored<Export>(scope, 'exports', id), signal);
  }

  async runVirtualExport(scope: HostCallScope, given: JsonRecord, signal: AbortSignal): Promise<JsonRecord> {
    return this.#read(scope, await this.#checked<Export>(scope, 'exports', given), signal);
  }

  async runImport(
    scope: HostCallScope,
    id: string,
    records: readonly unknown[],
    signal: AbortSignal,
  ): Promise<readonly JsonRecord[]> {
    return this.#write(scope, await this.#stored<Import>(scope, 'imports', id), records, signal);
  }

  async runVirtualImport(
    scope: HostCallScope,
    given: JsonRecord,
    records: readonly unknown[],
    signal: AbortSignal,
  ): Promise<readonly JsonRecord[]> {
    return this.#write(scope, await this.#checked<Import>(scope, 'imports', given), records, signal);
  }

  /** All records, as a virtual export answers. @throws HostCallError when the export fails before its end */
  async #read(scope: HostCallScope, step: Export & { readonly _id: string }, signal: AbortSignal): Promise<JsonRecord> {
    const now = this.parts.clock.now();
    const reply = await this.#ask(
      scope,
      {
        kind: 'read',
        plan: await this.#planOf(scope, { export: step }),
        runId: newId(now),
        testMode: false,
        exportId: step._id,
        from: { cursor: null, skip: 0 },
        pageIndex: 0,
        maxRecords: null,
        isWhole: true,
        lastExportDateTime: step.type === 'delta' ? (step.delta?.startDate ?? null) : null,
        currentExportDateTime: new Date(now).toISOString(),
      },
      signal,
    );
    if (reply.endedEarly) throw failed(reply.errors);
    const { data, dataURIs, errors } = reply;
    return {
      data,
      ...(dataURIs === undefined ? {} : { dataURIs }),
      ...(errors.length === 0 ? {} : { errors }),
    } as JsonRecord;
  }

  /** By position, what `postSubmit` would see (runtime §9.3). */
  async #write(
    scope: HostCallScope,
    step: Import & { readonly _id: string },
    records: readonly unknown[],
    signal: AbortSignal,
  ): Promise<readonly JsonRecord[]> {
    const reply = await this.#ask(
      scope,
      {
        kind: 'write',
        plan: await this.#planOf(scope, { import: step }),
        runId: newId(this.parts.clock.now()),
        testMode: false,
        importId: step._id,
        until: 'send',
        records: [...records],
      },
      signal,
    );
    return reply.responses as readonly JsonRecord[];
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
      if (reply.kind === 'refused') throw failed(reply.reasons);
      if (reply.kind !== task.kind) throw new Error(`A ${task.kind} was answered with ${reply.kind}.`);
      return reply as Answers[T['kind']];
    } finally {
      signal.removeEventListener('abort', cancel);
      if (signal.aborted) await dispatcher.cancelTryOut(id);
    }
  }

  async #planOf({ accountId, integrationId }: HostCallScope, step: StepAlone): Promise<Record<string, unknown>> {
    const { documents } = this.parts;
    const reader = { read: documents.getMany.bind(documents) };
    const gathered = await gatherStep(reader, accountId, step, integrationId);
    if (gathered.missing.length > 0) {
      throw new HostCallError('invalid_ref', `These do not exist: ${gathered.missing.join(', ')}.`);
    }
    return snapshot(gathered) as unknown as Record<string, unknown>;
  }

  async #stored<T>(
    { accountId }: HostCallScope,
    type: 'exports' | 'imports',
    id: string,
  ): Promise<T & { readonly _id: string }> {
    const [document] = await this.parts.documents.getMany(accountId, type, [id]);
    if (!document) throw new HostCallError('resource_not_found', `There is no ${type.slice(0, -1)} ${id}.`);
    // It was validated when it was written (parse at the edge, once).
    return document as unknown as T & { readonly _id: string };
  }

  /** A document that is not stored passes what stored ones pass. */
  async #checked<T>(
    { accountId }: HostCallScope,
    type: 'exports' | 'imports',
    given: JsonRecord,
  ): Promise<T & { readonly _id: string }> {
    const { clock, documents } = this.parts;
    const { _connectionId } = given;
    const [connection] =
      typeof _connectionId === 'string' ? await documents.getMany(accountId, 'connections', [_connectionId]) : [];
    const connectionType = connection?.['type'];
    const parsed = parseResource(
      resourceTypes[type],
      { name: 'Unsaved', ...given },
      {
        mode: 'create',
        nowMs: clock.now(),
        ...(typeof connectionType === 'string' ? { connectionType } : {}),
      },
    );
    if ('issues' in parsed) throw failed(parsed.issues);
    return { ...parsed.document, _id: newId(clock.now()) } as unknown as T & { readonly _id: string };
  }
}

function failed(reasons: readonly Pick<TryOutReason, 'code' | 'message'>[]): HostCallError {
  const [first] = reasons;
  return new HostCallError(first?.code ?? 'internal_error', reasons.map(({ message }) => message).join(' '));
}
