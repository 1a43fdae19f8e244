import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { TryOutReplyOf } from '#contracts';
import { ApiError } from '#failures';
import { newId } from '#model';
import { type FlowDocuments, snapshot } from '#plans';
import { problemOf } from '#try-outs';
import { apiCodes } from '../codes.js';
import { GATEWAY_DEPS, type GatewayDeps } from '../deps.js';
import { parseBody } from '../http/parse-body.js';
import type { Asker } from './asker.js';
import { ExecutorClient } from './executor-client.js';
import { type testRunAnswer, testRunRequest } from './shapes.js';
import { StepPlans } from './step-plans.js';
import { TestRunResults } from './test-run-results.js';

type Answer = z.infer<typeof testRunAnswer>;

/** One page through a flow, for people who build it; nothing is imported. What its steps did is kept for a day. */
@Injectable()
export class FlowTestRuns {
  constructor(
    @Inject(GATEWAY_DEPS) private readonly deps: GatewayDeps,
    @Inject(StepPlans) private readonly plans: StepPlans,
    @Inject(ExecutorClient) private readonly executor: ExecutorClient,
    @Inject(TestRunResults) private readonly results: TestRunResults,
  ) {}

  /** @throws ApiError 403 `flow_enabled`, 404, 422 for a flow that cannot be executed */
  async run(asker: Asker, flowId: string, body: unknown): Promise<Answer> {
    const documents = await this.plans.flow(asker.caller, flowId);
    const asked = parseBody(testRunRequest, body ?? {});
    if (documents.flow.disabled !== true) {
      throw ApiError.of(apiCodes.flow_enabled, 'A flow is tested while it is disabled.');
    }
    const exportId = generatorOf(documents, asked._exportId);
    const now = this.deps.now ?? Date.now;
    const triggeredAt = new Date(asked.triggeredAt ?? now()).toISOString();
    const runId = newId(now());
    const startedAt = new Date(now()).toISOString();
    const plan = snapshot(documents, { ...documents.flow, pageGenerators: [{ _exportId: exportId }] });
    const reply = await this.executor.ask(asker, {
      kind: 'flow',
      plan: plan as unknown as Record<string, unknown>,
      runId,
      testMode: true,
      exportId,
      mocks: asked.mocks ?? {},
      currentExportDateTime: triggeredAt,
    });
    const endedAt = new Date(now()).toISOString();
    const times = { startedAt, endedAt };
    const answer: Answer = {
      metadata: { _runId: runId, _flowId: flowId, _exportId: exportId, triggeredAt, testMode: true },
      flowJob: flowJobOf(reply, { ...times, _id: runId, _flowId: flowId, _exportId: exportId }),
      childJobs: reply.steps.map((step, oIndex) =>
        childJobOf(step, oIndex, { ...times, _flowJobId: runId, _flowId: flowId }),
      ),
    };
    await this.results.keep(asker.caller, answer);
    return answer;
  }
}

/** The generator that is asked for, else the first. @throws ApiError 422 */
function generatorOf({ flow, missing }: FlowDocuments, asked: string | undefined): string {
  if (missing.length > 0) {
    throw ApiError.of(apiCodes.invalid_flow, `The flow refers to what does not exist: ${missing.join(', ')}.`);
  }
  const ids = (flow.pageGenerators ?? []).flatMap(({ _exportId }) => (_exportId === undefined ? [] : [_exportId]));
  const [first] = ids;
  if (first === undefined) throw ApiError.of(apiCodes.invalid_flow, 'The flow has no page generator.');
  if (asked === undefined) return first;
  if (ids.includes(asked)) return asked;
  throw ApiError.of(apiCodes.invalid_ref, `${asked} is no page generator of the flow.`, '_exportId');
}

/** The counts of a flow job are those of jobs (decision 1). */
function flowJobOf(
  { steps, fatal, pages }: TryOutReplyOf<'flow'>,
  common: Pick<Answer['flowJob'], '_id' | '_flowId' | '_exportId' | 'startedAt' | 'endedAt'>,
): Answer['flowJob'] {
  const sum = (count: (step: (typeof steps)[number]) => number): number =>
    steps.reduce((total, step) => total + count(step), 0);
  return {
    ...common,
    type: 'flow',
    status: fatal === null ? 'completed' : 'failed',
    ...(fatal === null ? {} : { failure: problemOf(fatal) }),
    numSuccess: sum(({ type, success }) => (type === 'import' ? success : 0)),
    numError: sum(({ error }) => error),
    numIgnore: sum(({ ignore }) => ignore),
    numPagesGenerated: pages,
  };
}

function childJobOf(
  { stepId, type, success, error, ignore, stages }: TryOutReplyOf<'flow'>['steps'][number],
  oIndex: number,
  common: Pick<Answer['flowJob'], '_flowId' | '_flowJobId' | 'startedAt' | 'endedAt'>,
): Answer['childJobs'][number] {
  return {
    ...common,
    type,
    ...(type === 'export' ? { _exportId: stepId } : type === 'import' ? { _importId: stepId } : { routerId: stepId }),
    status: 'completed',
    oIndex,
    numSuccess: success,
    numError: error,
    numIgnore: ignore,
    stages: stages.map(({ name, input, output, errors }) => ({
      name,
      ...(input === undefined ? {} : { input }),
      ...(output === undefined ? {} : { output }),
      errors: errors.map(problemOf),
    })),
  };
}
