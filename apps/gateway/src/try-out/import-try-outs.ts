import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { TryOutReplyOf, TryOutTaskOf } from '#contracts';
import { type Import, isRecord } from '#model';
import { importInvokeRequest, problemOf, type StepPlan, virtualImportBody, writeTask } from '#try-outs';
import { GATEWAY_DEPS, type GatewayDeps } from '../deps.js';
import { parseBody } from '../http/parse-body.js';
import { invalid } from '../http/refusals.js';
import { ResourceService } from '../resources/resource.service.js';
import type { Asker } from './asker.js';
import { ExecutorClient } from './executor-client.js';
import { type importPreviewAnswer, importPreviewRequest, type importResponses, type mappedRecords } from './shapes.js';
import { StepPlans } from './step-plans.js';

type Responses = z.infer<typeof importResponses>;
type WriteTask = TryOutTaskOf<'write'>;
type WriteReply = TryOutReplyOf<'write'>;

/** Imports that somebody waits for: invoked, virtual or previewed. Reference: resources §5.1, §6.1. */
@Injectable()
export class ImportTryOuts {
  constructor(
    @Inject(GATEWAY_DEPS) private readonly deps: GatewayDeps,
    @Inject(ResourceService) private readonly resources: ResourceService,
    @Inject(StepPlans) private readonly plans: StepPlans,
    @Inject(ExecutorClient) private readonly executor: ExecutorClient,
  ) {}

  async invoke(asker: Asker, importId: string, body: unknown): Promise<Responses> {
    const step = await this.plans.storedImport(asker.caller, importId);
    const given = parseBody(importInvokeRequest, body);
    const records = Array.isArray(given) ? given : given.data;
    return responsesOf(await this.#write(asker, step, records, 'send', false));
  }

  async virtual(asker: Asker, connectionId: string, body: unknown): Promise<Responses> {
    const { step, records } = await this.#virtualStep(asker, connectionId, body);
    return responsesOf(await this.#write(asker, step, records, 'send', false));
  }

  /** Reference: decision 21. */
  async virtualMap(asker: Asker, connectionId: string, body: unknown): Promise<z.infer<typeof mappedRecords>> {
    const { step, records } = await this.#virtualStep(asker, connectionId, body);
    const { mapped } = await this.#write(asker, step, records, 'map', true);
    return mapped;
  }

  /** A dry run, unless asked to send: the requests that would be sent, and nothing more. */
  async preview(asker: Asker, body: unknown): Promise<z.infer<typeof importPreviewAnswer>> {
    const { data, send = false } = parseBody(importPreviewRequest.pick({ data: true, send: true }), body ?? {});
    const step = await this.plans.unsavedImport(asker.caller, body);
    const sample = data ?? step.step.sampleData;
    if (sample === undefined) {
      throw invalid([{ code: 'missing_required_field', message: 'There is no record to preview.', field: 'data' }]);
    }
    const records: unknown[] = Array.isArray(sample) ? sample : [sample];
    const reply = await this.#write(asker, step, records, send ? 'send' : 'plan', true);
    return {
      data: reply.mapped,
      requests: reply.requests,
      ...(send ? { responses: responsesOf(reply) } : {}),
      stages: reply.stages.map(({ name, output, errors }) => ({ name, errors: errors.map(problemOf), data: output })),
    };
  }

  async #virtualStep(
    asker: Asker,
    connectionId: string,
    body: unknown,
  ): Promise<{ step: StepPlan<Import>; records: readonly unknown[] }> {
    await this.resources.stored(asker.caller.accountId, 'connections', connectionId);
    const { import: document, data } = parseBody(virtualImportBody, body);
    const unsaved = { ...document, _connectionId: connectionId };
    return { step: await this.plans.unsavedImport(asker.caller, unsaved, 'import'), records: data };
  }

  #write(
    asker: Asker,
    step: StepPlan<Import>,
    records: readonly unknown[],
    until: WriteTask['until'],
    testMode: boolean,
  ): Promise<WriteReply> {
    return this.executor.ask(asker, { ...writeTask(step, records, this.#now()), until, testMode });
  }

  #now(): number {
    return (this.deps.now ?? Date.now)();
  }
}

/** The shape is the engine's envelope (runtime §9.3). */
function responsesOf({ responses }: WriteReply): Responses {
  return responses.filter(isRecord) as Responses;
}
