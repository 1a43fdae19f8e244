import { Inject, Injectable } from '@nestjs/common';
import { TurnBatch } from '#lanes/turn-batch';
import { offers, queuedRuns, type QueuedRun } from '#contracts';
import { checkInput } from '#engine/input/index';
import { ApiError } from '#failures';
import { type JsonRecord, newId } from '#model';
import type { OpenSpan } from '#telemetry';
import { apiCodes } from '../../codes.js';
import { GATEWAY_DEPS, type GatewayDeps } from '../../deps.js';
import type { Caller } from '../../http/caller.js';
import { parseBody } from '../../http/parse-body.js';
import { invalid } from '../../http/refusals.js';
import type { FlowSteps } from './runnable.js';
import { type StartRunRequest, startRunRequest } from './start-run.request.js';
import { StartableFlows } from './startable-flows.js';

/** An item takes about 250 bytes, and an offer 64 KB. */
const runsPerOffer = 100;

/**
 * Starts runs. The job row, stored as `queued`, is the intent and the answer; the announcement only makes a scheduler look
 * at once, and a sweep makes up for a lost one. All reads, writes and announcements coalesce, so a thousand starts a
 * second cost a handful of round trips.
 */
@Injectable()
export class StartRunService {
  readonly #announced: TurnBatch<QueuedRun>;

  constructor(
    @Inject(GATEWAY_DEPS) private readonly deps: GatewayDeps,
    @Inject(StartableFlows) private readonly flows: StartableFlows,
  ) {
    this.#announced = new TurnBatch(
      (runs) => deps.bus.offer(offers.runsQueued, Buffer.from(queuedRuns.encode({ v: 1, runs: [...runs] })).toString()),
      runsPerOffer,
    );
  }

  /**
   * @returns the job's id
   * @throws ApiError 404, 409 `run_already_queued` (decision 5), 422 `inactive_flow`, `invalid_flow`, `not_supported`,
   *   and what is wrong with the generators or the input asked for
   */
  async start(caller: Caller, flowId: string, body: unknown, span: OpenSpan | undefined): Promise<string> {
    const asked = body === undefined || body === null ? {} : parseBody(startRunRequest, body);
    const { accountId, userId } = caller;
    const { flow, steps } = await this.flows.get(accountId, flowId);
    assertGenerators(asked, steps);
    const wrong = checkInput(flow, asked.input ?? undefined);
    if (wrong.length > 0) throw invalid(wrong);

    const jobId = newId();
    const accepted = await this.deps.store.jobs.enqueue({
      jobId,
      accountId,
      flowId,
      integrationId: flow._integrationId ?? null,
      triggeredBy: 'manual',
      userId,
      traceId: span?.traceId ?? null,
      request: requestOf(asked, span),
      ...(flow.maxConcurrentRuns === undefined ? {} : { maxConcurrentRuns: flow.maxConcurrentRuns }),
    });
    if (!accepted) throw ApiError.of(apiCodes.run_already_queued, 'A run of this flow is waiting already.');
    this.#announced.add({
      accountId,
      flowId,
      jobId,
      ...(asked._exportIds || asked.input || asked.export
        ? {}
        : { asked: { triggeredBy: 'manual', traceparent: span?.traceparent ?? null } }),
    });
    return jobId;
  }
}

function assertGenerators(asked: StartRunRequest, steps: FlowSteps): void {
  const unknown = (asked._exportIds ?? []).flatMap((id, i) => (steps.generatorIds.includes(id) ? [] : [{ id, i }]));
  if (unknown.length === 0) return;
  throw invalid(
    unknown.map(({ id, i }) => ({
      code: 'invalid_ref',
      message: `${id} is no page generator of the flow.`,
      field: `_exportIds[${i}]`,
    })),
  );
}

/** The part of the request that the run needs; times become ISO 8601 UTC with milliseconds. */
function requestOf(asked: StartRunRequest, span: OpenSpan | undefined): JsonRecord {
  const startDate = asked.export?.startDate;
  const endDate = asked.export?.endDate;
  return {
    ...(startDate || endDate
      ? {
          export: {
            ...(startDate ? { startDate: new Date(startDate).toISOString() } : {}),
            ...(endDate ? { endDate: new Date(endDate).toISOString() } : {}),
          },
        }
      : {}),
    ...(asked._exportIds ? { _exportIds: [...new Set(asked._exportIds)] } : {}),
    ...(asked.input ? { input: asked.input } : {}),
    ...(span ? { traceparent: span.traceparent } : {}),
  };
}
