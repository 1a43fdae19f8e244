import { Inject, Injectable } from '@nestjs/common';
import { Recent } from '#lanes/recent';
import { ApiError } from '#failures';
import type { Export, Flow, Import } from '#model';
import { DocumentReader } from '#store/document-reader';
import { apiCodes } from '../../codes.js';
import { GATEWAY_DEPS, type GatewayDeps } from '../../deps.js';
import { invalid } from '../../http/refusals.js';
import { ResourceChanges } from '../../resources/resource-changes.js';
import { ResourceService } from '../../resources/resource.service.js';
import { type FlowSteps, incomplete, stepsOf, unsupported } from './runnable.js';

/** A flow that may run, as far as its documents say. */
export interface StartableFlow {
  readonly flow: Flow;
  readonly steps: FlowSteps;
}

interface Entry extends StartableFlow {
  /** of all documents that were read */
  readonly ids: readonly string[];
  /** Changes that were known before they were read. */
  readonly changesBefore: number;
  readonly untilMs: number;
}

const maxFlows = 2_000;
const maxChanges = 100_000;
/** Makes up for lost signals of changes. The scheduler looks for itself, and fails a run that must not be. */
const freshMs = 5_000;

/**
 * Flows that were found to be startable, remembered for a short while, so that a flow that is started again and again is
 * not read and checked each time. Refusals are not remembered.
 */
@Injectable()
export class StartableFlows {
  readonly #entries = new Recent<Entry>(maxFlows);
  readonly #changedAt = new Recent<number>(maxChanges);
  #changes = 0;

  constructor(
    @Inject(GATEWAY_DEPS) private readonly deps: Pick<GatewayDeps, 'now'>,
    @Inject(ResourceService) private readonly resources: ResourceService,
    @Inject(DocumentReader) private readonly reader: DocumentReader,
    @Inject(ResourceChanges) changes: ResourceChanges,
  ) {
    changes.onChange((id) => this.#changedAt.set(id, ++this.#changes));
  }

  /** @throws ApiError 404; 422 `inactive_flow`, `invalid_flow`, `not_supported` */
  async get(accountId: string, flowId: string): Promise<StartableFlow> {
    const key = `${accountId}/${flowId}`;
    const known = this.#entries.get(key);
    if (known && this.#isFresh(known)) return known;
    const read = { changesBefore: this.#changes, untilMs: this.#nowMs() + freshMs };
    const startable = await this.#read(accountId, flowId);
    const { generatorIds, lookupIds, importIds } = startable.steps;
    this.#entries.set(key, { ...startable, ...read, ids: [flowId, ...generatorIds, ...lookupIds, ...importIds] });
    return startable;
  }

  async #read(accountId: string, flowId: string): Promise<StartableFlow> {
    // Documents were validated when they were written (parse at the edge, once).
    const flow = (await this.resources.stored(accountId, 'flows', flowId)) as unknown as Flow;
    if (flow.disabled === true) throw ApiError.of(apiCodes.inactive_flow, 'The flow is disabled.');
    const steps = stepsOf(flow);
    const [exports, imports] = await Promise.all([
      this.reader.getMany(accountId, 'exports', [...steps.generatorIds, ...steps.lookupIds]),
      this.reader.getMany(accountId, 'imports', steps.importIds),
    ]);
    const missing = incomplete(flow, steps, (id) => exports.has(id) || imports.has(id));
    if (missing.length > 0) throw invalid(missing);
    const refused = unsupported(
      flow,
      [...exports.values()] as unknown as readonly Export[],
      [...imports.values()] as unknown as readonly Import[],
    );
    if (refused.length > 0) throw invalid(refused);
    return { flow, steps };
  }

  #isFresh({ ids, changesBefore, untilMs }: Entry): boolean {
    return this.#nowMs() < untilMs && ids.every((id) => (this.#changedAt.get(id) ?? 0) <= changesBefore);
  }

  #nowMs(): number {
    return (this.deps.now ?? Date.now)();
  }
}
