import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { GATEWAY_DEPS, type GatewayDeps } from '../deps.js';
import type { Caller } from '../http/caller.js';
import { notFound } from '../http/refusals.js';
import { ResourceService } from '../resources/resource.service.js';
import type { testExchangesAnswer, testRunAnswer, testStepAnswer } from './shapes.js';

type Run = z.infer<typeof testRunAnswer>;
type Stages = z.infer<typeof testStepAnswer>;

/** An account's results beyond these go, the oldest first: each is as large as an answer may be. */
const maxRuns = 10;
const keptMs = 24 * 3_600_000;

/** What test runs found, for whoever asks later. Reference: resources §3.1. */
@Injectable()
export class TestRunResults {
  constructor(
    @Inject(GATEWAY_DEPS) private readonly deps: GatewayDeps,
    @Inject(ResourceService) private readonly resources: ResourceService,
  ) {}

  async keep({ accountId }: Caller, { metadata, childJobs }: Run): Promise<void> {
    const now = this.deps.now ?? Date.now;
    const { _flowId: flowId, _runId: runId } = metadata;
    const steps = childJobs.map(({ _exportId, _importId, routerId, stages }) => ({
      stepId: _exportId ?? _importId ?? routerId ?? '',
      stages,
    }));
    const purgeAt = new Date(now() + keptMs).toISOString();
    await this.deps.store.testRuns.keep({ accountId, flowId, runId, purgeAt, steps }, maxRuns);
  }

  /** @throws ApiError 404 */
  async step({ accountId }: Caller, flowId: string, runId: string, stepId: string): Promise<Stages> {
    await this.resources.stored(accountId, 'flows', flowId);
    const stages = await this.deps.store.testRuns.stages(accountId, flowId, runId, stepId);
    if (stages === null) throw notFound('test run');
    // Written by `keep`, in the shape of the answer.
    return { stages: stages as unknown as Stages['stages'] };
  }

  /**
   * What the step said to its application, and what came back.
   *
   * @throws ApiError 404
   */
  async exchanges(
    caller: Caller,
    flowId: string,
    runId: string,
    stepId: string,
  ): Promise<z.infer<typeof testExchangesAnswer>> {
    const { stages } = await this.step(caller, flowId, runId, stepId);
    const of = (name: string): readonly unknown[] => {
      const output = stages.find((stage) => stage.name === name)?.output;
      return Array.isArray(output) ? output : [];
    };
    const responses = of('response');
    return { logs: of('request').map((request, at) => ({ request, response: responses[at] ?? null })) };
  }
}
