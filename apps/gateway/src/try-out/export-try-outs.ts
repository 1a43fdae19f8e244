import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { TryOutReplyOf, TryOutTaskOf } from '#contracts';
import { type Export, newId } from '#model';
import { GATEWAY_DEPS, type GatewayDeps } from '../deps.js';
import { parseBody } from '../http/parse-body.js';
import { ResourceService } from '../resources/resource.service.js';
import type { Asker } from './asker.js';
import { ExecutorClient } from './executor-client.js';
import { problemOf } from './problems.js';
import { type PagedExport, type PagedExportState, type PagedProgress, PagedStates } from './paged-state.js';
import {
  type exportPreviewAnswer,
  exportInvokeRequest,
  exportPreviewRequest,
  type pagedExportAnswer,
  type virtualExportAnswer,
} from './shapes.js';
import { type StepPlan, StepPlans } from './step-plans.js';

/** The document itself is validated as one that is to be stored. */
const virtualBody = z.object({ export: z.record(z.string(), z.unknown()) });

type ReadTask = TryOutTaskOf<'read'>;
type ReadReply = TryOutReplyOf<'read'>;

/** Most records of a preview. Reference: limits A2. */
const maxPreviewRecords = 100;
const fromTheBeginning = { cursor: null, skip: 0 } as const;

/** Exports that somebody reads while waiting for them: invoked, virtual or previewed. Reference: resources §4.1, §6.1. */
@Injectable()
export class ExportTryOuts {
  readonly #states: PagedStates;

  constructor(
    @Inject(GATEWAY_DEPS) private readonly deps: GatewayDeps,
    @Inject(ResourceService) private readonly resources: ResourceService,
    @Inject(StepPlans) private readonly plans: StepPlans,
    @Inject(ExecutorClient) private readonly executor: ExecutorClient,
  ) {
    this.#states = new PagedStates(deps.secretBox, deps.stateSigner, () => this.#now());
  }

  /** One page; the caller goes on with the state. */
  async invoke(asker: Asker, exportId: string, body: unknown): Promise<z.infer<typeof pagedExportAnswer>> {
    const step = await this.plans.storedExport(asker.caller, exportId);
    const { pagedExportState: state } = parseBody(exportInvokeRequest, body ?? {});
    return this.#page(asker, step, state);
  }

  /** All records, up to what an answer holds. */
  async virtual(asker: Asker, connectionId: string, body: unknown): Promise<z.infer<typeof virtualExportAnswer>> {
    const step = await this.#virtualStep(asker, connectionId, body);
    const reply = await this.executor.ask(asker, { ...this.#task(step), maxRecords: null, isWhole: true });
    return answerOf(reply);
  }

  async virtualPage(asker: Asker, connectionId: string, body: unknown): Promise<z.infer<typeof pagedExportAnswer>> {
    const step = await this.#virtualStep(asker, connectionId, body);
    const { pagedExportState: state } = parseBody(exportInvokeRequest, body);
    return this.#page(asker, step, state);
  }

  /** What a test of the export would show; nothing changes by it. Reference: runtime §21. */
  async preview(asker: Asker, body: unknown): Promise<z.infer<typeof exportPreviewAnswer>> {
    const { postData } = parseBody(exportPreviewRequest.pick({ postData: true }), body ?? {});
    const step = await this.plans.unsavedExport(asker.caller, body);
    const reply = await this.executor.ask(asker, {
      ...this.#task(step),
      testMode: true,
      maxRecords: maxPreviewRecords,
      ...previewWindow(step.step, postData, this.#nowIso()),
    });
    return {
      ...answerOf(reply),
      stages: reply.stages.map(({ name, output, errors }) => ({ name, errors, data: output })),
    };
  }

  async #page(
    asker: Asker,
    { step, plan }: StepPlan<Export>,
    state: PagedExportState | undefined,
  ): Promise<z.infer<typeof pagedExportAnswer>> {
    const { _id, name: _name, ...definition } = step;
    const paged: PagedExport = {
      accountId: asker.caller.accountId,
      connectionId: step._connectionId ?? '',
      definition,
      pageSize: pageSizeOf(step),
    };
    const progress = state === undefined ? null : this.#states.read(paged, state);
    const pageIndex = state?.pageIndex ?? 0;
    const base = { ...this.#task({ step, plan }), pageIndex };
    const task: ReadTask =
      progress === null
        ? base
        : { ...base, from: progress.next, runId: progress.runId, currentExportDateTime: progress.startedAt };
    const reply = await this.executor.ask(asker, task);
    // A source that ended early has no next page: the same page can be asked for again.
    if (reply.endedEarly) return answerOf(reply);
    const next: PagedProgress | null =
      reply.next === null ? null : { next: reply.next, runId: task.runId, startedAt: task.currentExportDateTime };
    return { ...answerOf(reply), pagedExportState: this.#states.issue(paged, pageIndex + 1, next) };
  }

  async #virtualStep(asker: Asker, connectionId: string, body: unknown): Promise<StepPlan<Export>> {
    await this.resources.stored(asker.caller.accountId, 'connections', connectionId);
    const { export: document } = parseBody(virtualBody, body);
    return this.plans.unsavedExport(asker.caller, { ...document, _connectionId: connectionId }, 'export');
  }

  #task({ plan, step }: StepPlan<Export>): ReadTask {
    return {
      kind: 'read',
      plan: plan as unknown as Record<string, unknown>,
      runId: newId(this.#now()),
      testMode: false,
      exportId: step._id,
      from: fromTheBeginning,
      pageIndex: 0,
      maxRecords: null,
      isWhole: false,
      lastExportDateTime: step.type === 'delta' ? (step.delta?.startDate ?? null) : null,
      currentExportDateTime: this.#nowIso(),
    };
  }

  #now(): number {
    return (this.deps.now ?? Date.now)();
  }

  #nowIso(): string {
    return new Date(this.#now()).toISOString();
  }
}

function answerOf({ data, dataURIs, errors }: ReadReply): z.infer<typeof virtualExportAnswer> {
  return {
    data,
    ...(dataURIs === undefined ? {} : { dataURIs }),
    ...(errors.length === 0 ? {} : { errors: errors.map(problemOf) }),
  };
}

/** Reference: resources §4.2. */
function pageSizeOf({ pageSize }: Export): number {
  return pageSize !== undefined && pageSize > 0 ? pageSize : 20;
}

/** Without `postData` the placeholders of an HTTP export are empty; other exports show what they would read first. */
function previewWindow(
  step: Export,
  postData: { lastExportDateTime?: string | undefined; currentExportDateTime?: string | undefined } | undefined,
  nowIso: string,
): Pick<ReadTask, 'lastExportDateTime' | 'currentExportDateTime'> {
  const isHttp = step.http !== undefined;
  return {
    lastExportDateTime: postData?.lastExportDateTime ?? (isHttp ? '' : null),
    currentExportDateTime: postData?.currentExportDateTime ?? (isHttp ? '' : nowIso),
  };
}
