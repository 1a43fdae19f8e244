import { Inject, Injectable } from '@nestjs/common';
import { type Flow, isId, type JsonRecord, type StepError } from '#model';
import { GATEWAY_DEPS, type GatewayDeps } from '../../deps.js';
import type { Caller } from '../../http/caller.js';
import { notFound } from '../../http/refusals.js';
import type { QueryString } from '../../resources/list-query.js';
import { ResourceService } from '../../resources/resource.service.js';
import { stepsOf } from '../run/runnable.js';
import { toStepError } from './error-document.js';
import { encodeAfter, parseErrorQuery } from './error-query.js';

export interface ErrorPage {
  readonly errors: readonly StepError[];
  /** Path of the next page; absent on the last. */
  readonly nextPageURL?: string;
}

export interface FlowErrors {
  readonly flowErrors: readonly {
    readonly _expOrImpId: string;
    readonly numError: number;
    readonly lastErrorAt: string;
  }[];
}

/** Open errors of flows and steps. Reference: errors §6. */
@Injectable()
export class StepErrorService {
  constructor(
    @Inject(GATEWAY_DEPS) private readonly deps: GatewayDeps,
    @Inject(ResourceService) private readonly resources: ResourceService,
  ) {}

  async summary(caller: Caller, flowId: string): Promise<FlowErrors> {
    await this.resources.stored(caller.accountId, 'flows', flowId);
    const rows = await this.deps.store.errors.summary(caller.accountId, flowId);
    return {
      flowErrors: rows.map(({ stepId, numError, lastErrorAt }) => ({ _expOrImpId: stepId, numError, lastErrorAt })),
    };
  }

  async listOpen(caller: Caller, flowId: string, stepId: string, query: QueryString): Promise<ErrorPage> {
    const flow = (await this.resources.stored(caller.accountId, 'flows', flowId)) as unknown as Flow;
    if (!isId(stepId)) throw notFound('step');
    const asked = parseErrorQuery(query);
    const { rows, more } = await this.deps.store.errors.listOpen(caller.accountId, flowId, stepId, asked);
    // Errors outlive their step: only a step without errors must be one of the flow.
    if (rows.length === 0 && asked.after === undefined && !isStep(flow, stepId)) throw notFound('step');
    const last = rows.at(-1);
    return {
      errors: rows.map(toStepError),
      ...(more && last ? { nextPageURL: nextPage(flowId, stepId, query, encodeAfter(last)) } : {}),
    };
  }

  /** What a retry would use. Reference: errors §7. */
  async retryData(caller: Caller, flowId: string, stepId: string, key: string): Promise<JsonRecord> {
    await this.resources.stored(caller.accountId, 'flows', flowId);
    const data = isId(stepId) ? await this.deps.store.errors.retryData(caller.accountId, flowId, stepId, key) : null;
    if (!data) throw notFound('retry data');
    return data;
  }

  /** The stored HTTP exchange of a failed call. Reference: errors §14. */
  async exchange(caller: Caller, flowId: string, stepId: string, key: string): Promise<JsonRecord> {
    await this.resources.stored(caller.accountId, 'flows', flowId);
    const exchange = isId(stepId) ? await this.deps.store.errors.exchange(caller.accountId, flowId, stepId, key) : null;
    if (!exchange) throw notFound('request');
    return exchange;
  }
}

function isStep(flow: Flow, id: string): boolean {
  const { generatorIds, lookupIds, importIds } = stepsOf(flow);
  return [...generatorIds, ...lookupIds, ...importIds].includes(id);
}

function nextPage(flowId: string, stepId: string, query: QueryString, after: string): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (typeof value === 'string') parameters.set(name, value);
  parameters.set('after', after);
  return `/v1/flows/${flowId}/${stepId}/errors?${parameters.toString()}`;
}
