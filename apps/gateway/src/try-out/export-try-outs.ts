import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { TryOutTaskOf } from '#contracts';
import type { Export } from '#model';
import {
  assertLookup,
  exportAnswer,
  exportInvokeRequest,
  lookupTask,
  PagedReads,
  PagedStates,
  readTask,
  type StepPlan,
  virtualExportBody,
  virtualPageBody,
  wholeReadTask,
} from '#try-outs';
import { GATEWAY_DEPS, type GatewayDeps } from '../deps.js';
import { parseBody } from '../http/parse-body.js';
import { ResourceService } from '../resources/resource.service.js';
import type { Asker } from './asker.js';
import { ExecutorClient } from './executor-client.js';
import {
  type exportPreviewAnswer,
  exportPreviewRequest,
  type lookupResponses,
  type pagedExportAnswer,
  type virtualExportAnswer,
} from './shapes.js';
import { StepPlans } from './step-plans.js';

type ReadTask = TryOutTaskOf<'read'>;
type Found = z.infer<typeof lookupResponses>;

/** Most records of a preview. Reference: limits A2. */
const maxPreviewRecords = 100;

/** Exports that somebody reads while waiting for them: invoked, virtual or previewed. Reference: resources §4.1, §6.1. */
@Injectable()
export class ExportTryOuts {
  readonly #pages: PagedReads;

  constructor(
    @Inject(GATEWAY_DEPS) private readonly deps: GatewayDeps,
    @Inject(ResourceService) private readonly resources: ResourceService,
    @Inject(StepPlans) private readonly plans: StepPlans,
    @Inject(ExecutorClient) private readonly executor: ExecutorClient,
  ) {
    const now = (): number => this.#now();
    this.#pages = new PagedReads(new PagedStates(deps.secretBox, deps.stateSigner, now), now);
  }

  /** One page, the caller goes on with the state; or what a lookup finds for records. */
  async invoke(asker: Asker, exportId: string, body: unknown): Promise<z.infer<typeof pagedExportAnswer> | Found> {
    const document = await this.resources.stored(asker.caller.accountId, 'exports', exportId);
    const { pagedExportState: state, data } = parseBody(exportInvokeRequest, body ?? {});
    if (data !== undefined) return this.#lookUp(asker, await this.plans.ofLookup(asker.caller, document), data);
    const step = await this.plans.ofExport(asker.caller, document);
    return this.#pages.page(asker.caller.accountId, step, state, (task) => this.executor.ask(asker, task));
  }

  /** All records, up to what an answer holds; or what a lookup finds for records. */
  async virtual(
    asker: Asker,
    connectionId: string,
    body: unknown,
  ): Promise<z.infer<typeof virtualExportAnswer> | Found> {
    await this.#assertConnection(asker, connectionId);
    const { export: document, data } = parseBody(virtualExportBody, body);
    const given = { ...document, _connectionId: connectionId };
    if (data !== undefined) {
      return this.#lookUp(asker, await this.plans.unsavedLookup(asker.caller, given, 'export'), data);
    }
    const step = await this.plans.unsavedExport(asker.caller, given, 'export');
    return exportAnswer(await this.executor.ask(asker, wholeReadTask(step, this.#now())));
  }

  async virtualPage(asker: Asker, connectionId: string, body: unknown): Promise<z.infer<typeof pagedExportAnswer>> {
    await this.#assertConnection(asker, connectionId);
    const { export: document, pagedExportState: state } = parseBody(virtualPageBody, body);
    const given = { ...document, _connectionId: connectionId };
    const step = await this.plans.unsavedExport(asker.caller, given, 'export');
    return this.#pages.page(asker.caller.accountId, step, state, (task) => this.executor.ask(asker, task));
  }

  /** What a test of the export would show; nothing changes by it. Reference: runtime §21. */
  async preview(asker: Asker, body: unknown): Promise<z.infer<typeof exportPreviewAnswer>> {
    const { postData } = parseBody(exportPreviewRequest.pick({ postData: true }), body ?? {});
    const step = await this.plans.unsavedExport(asker.caller, body);
    const reply = await this.executor.ask(asker, {
      ...readTask(step, this.#now()),
      testMode: true,
      maxRecords: maxPreviewRecords,
      ...previewWindow(step.step, postData, new Date(this.#now()).toISOString()),
    });
    return {
      ...exportAnswer(reply),
      stages: reply.stages.map(({ name, output, errors }) => ({ name, errors, data: output })),
    };
  }

  async #lookUp(asker: Asker, step: StepPlan<Export>, records: readonly unknown[]): Promise<Found> {
    assertLookup(step.step);
    const { responses } = await this.executor.ask(asker, lookupTask(step, records, this.#now()));
    // The shape is the engine's envelope (runtime §9.2).
    return responses as Found;
  }

  /** @throws ApiError 404 */
  async #assertConnection({ caller }: Asker, connectionId: string): Promise<void> {
    await this.resources.stored(caller.accountId, 'connections', connectionId);
  }

  #now(): number {
    return (this.deps.now ?? Date.now)();
  }
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
