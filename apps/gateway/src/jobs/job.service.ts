import { Inject, Injectable } from '@nestjs/common';
import { runCancel } from '#contracts';
import { ApiError } from '#failures';
import { type ChildJob, type Flow, isFinal, isId, isRecord, type Job } from '#model';
import type { JobQuery, JobRow } from '#store';
import { apiCodes } from '../codes.js';
import { GATEWAY_DEPS, type GatewayDeps } from '../deps.js';
import { stepsOf } from '../flows/run/runnable.js';
import type { Caller } from '../http/caller.js';
import { notFound } from '../http/refusals.js';
import { ResourceService } from '../resources/resource.service.js';
import { isParent, toFamily, toJob } from './job-document.js';

/** Runs looked through for the latest of every generator. */
const latestDepth = 100;

@Injectable()
export class JobService {
  constructor(
    @Inject(GATEWAY_DEPS) private readonly deps: GatewayDeps,
    @Inject(ResourceService) private readonly resources: ResourceService,
  ) {}

  async list(caller: Caller, query: JobQuery): Promise<readonly ChildJob[]> {
    return (await this.deps.store.jobs.list(caller.accountId, query)).map(toJob);
  }

  /** A job; a flow job with its children (decision 9). @throws ApiError 404 */
  async get(caller: Caller, id: string): Promise<Job> {
    const [row, ...children] = isId(id) ? await this.deps.store.jobs.family(caller.accountId, id) : [];
    if (!row) throw notFound('job');
    return isParent(row) ? toFamily(row, children) : toJob(row);
  }

  /**
   * Cancels a run. A final one stays as it is. Reference: decision 6.
   *
   * @throws ApiError 404; 422 `not_allowed` for the job of a single step
   */
  async cancel(caller: Caller, id: string): Promise<Job> {
    const { accountId, userId } = caller;
    const row = isId(id) ? await this.deps.store.jobs.get(accountId, id) : null;
    if (!row) throw notFound('job');
    if (!isParent(row)) throw ApiError.of(apiCodes.not_allowed, 'Cancel the flow job, not one of its steps.');
    if (isFinal(row.status)) return this.#family(row);
    const canceled = await this.deps.store.jobs.cancel(accountId, id, userId);
    if (!canceled) throw notFound('job');
    await this.#command(canceled, userId);
    return this.#family(canceled);
  }

  /** @throws ApiError 404 when the account has no such flow */
  async cancelOf(caller: Caller, flowId: string): Promise<void> {
    await this.resources.stored(caller.accountId, 'flows', flowId);
    const running = await this.deps.store.jobs.list(caller.accountId, {
      _flowId: [flowId],
      type: ['flow', 'retry', 'bulk'],
      status: ['queued', 'running', 'retrying'],
      limit: 1001,
    });
    for (const row of running) {
      const canceled = await this.deps.store.jobs.cancel(caller.accountId, row._id, caller.userId);
      if (canceled) await this.#command(canceled, caller.userId);
    }
  }

  /** The newest run of each page generator, newest first. Reference: resources §3.1. */
  async latestOf(caller: Caller, flowId: string): Promise<readonly Job[]> {
    const flow = (await this.resources.stored(caller.accountId, 'flows', flowId)) as unknown as Flow;
    const query = { _flowId: [flowId], type: ['flow'], limit: latestDepth };
    const rows = await this.deps.store.jobs.list(caller.accountId, query);
    const left = new Set(stepsOf(flow).generatorIds);
    const latest: JobRow[] = [];
    for (const row of rows) {
      const ran = generatorsOf(row) ?? [...left];
      if (latest.length > 0 && !ran.some((id) => left.has(id))) continue;
      latest.push(row);
      for (const id of ran) left.delete(id);
      if (left.size === 0) break;
    }
    const children = await this.deps.store.jobs.children(
      caller.accountId,
      latest.map((row) => row._id),
    );
    return latest.map((row) =>
      toFamily(
        row,
        children.filter((child) => child._flowJobId === row._id),
      ),
    );
  }

  async #family(row: JobRow): Promise<Job> {
    if (!isParent(row)) return toJob(row);
    return toFamily(row, await this.deps.store.jobs.children(row.accountId, [row._id]));
  }

  async #command(row: JobRow, by: string): Promise<void> {
    if (isFinal(row.status)) return;
    try {
      const { accountId, _flowId: flowId, _id: jobId } = row;
      const body = runCancel.encode({ v: 1, accountId, flowId, jobId, by });
      await this.deps.bus.publish([{ queue: 'cmd.run.cancel', key: flowId, id: `cancel/${jobId}`, body }]);
    } catch (error) {
      // The row says `canceling`, which the scheduler's sweep acts on.
      this.deps.logger.warn({ error, jobId: row._id }, 'the cancel of a run was stored but not announced');
    }
  }
}

/** Generators that a run was limited to; null when it ran all. */
function generatorsOf(row: JobRow): readonly string[] | null {
  const ids: unknown = isRecord(row.request) ? row.request['_exportIds'] : undefined;
  return Array.isArray(ids) ? ids.filter((id): id is string => typeof id === 'string') : null;
}
