import { describe, expect, it } from '@jest/globals';
import type { FlowPlan } from '#engine';
import { newId } from '#model';
import type { ChildJob, JobRow, StartOutcome } from '#store';
import { Consumer, finishedOf, generatorOf, manual, startRun } from './builders.js';
import type { Stores } from './fixture.js';

const everything = 100_000;

const uncounted = { numSuccess: 0, numError: 0, numIgnore: 0 };

export function jobClauses(stores: Stores): void {
  const outcomesOf = (outcomes: readonly StartOutcome[]) => outcomes.filter((outcome) => outcome === 'started').length;

  describe('enqueue (decision 5)', () => {
    it('stores a queued flow job with everything that was asked', async () => {
      const run = manual({
        integrationId: newId(),
        userId: newId(),
        triggeredBy: 'chain',
        traceId: '0af7651916cd43dd8448eb211c80319c',
        request: { _exportIds: [newId()], input: { odd: 'a\u0000b' }, zulu: 1, alpha: 2 },
      });
      expect(await stores.store.jobs.enqueue(run)).toBe(true);
      const job = await stores.other.jobs.get(run.accountId, run.jobId);
      const { createdAt, lastModified, purgeAt, ...rest } = job!;
      expect(rest).toEqual({
        _id: run.jobId,
        accountId: run.accountId,
        type: 'flow',
        _integrationId: run.integrationId,
        _flowId: run.flowId,
        _exportId: null,
        _importId: null,
        _flowJobId: null,
        oIndex: null,
        status: 'queued',
        startedAt: null,
        endedAt: null,
        numError: 0,
        numResolved: 0,
        numOpenError: 0,
        numSuccess: 0,
        numIgnore: 0,
        numExport: 0,
        numPagesGenerated: 0,
        numPagesProcessed: 0,
        doneExporting: false,
        triggeredBy: 'chain',
        _userId: run.userId,
        canceledBy: null,
        canceledAt: null,
        waitingFor: null,
        failure: null,
        traceId: run.traceId,
        routers: null,
        request: run.request,
      } satisfies Omit<JobRow, 'createdAt' | 'lastModified' | 'purgeAt'>);
      expect(createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(lastModified).toBe(createdAt);
      expect(Date.parse(purgeAt) - Date.parse(createdAt)).toBe(30 * 24 * 60 * 60 * 1000);
    });

    it('takes one run that will run and one that waits, and refuses the third', async () => {
      const { accountId, flowId } = manual();
      const [first, second, third] = [1, 2, 3].map(() => manual({ accountId, flowId }));
      expect(await stores.store.jobs.enqueue(first!)).toBe(true);
      expect(await stores.store.jobs.enqueue(second!)).toBe(true);
      expect(await stores.store.jobs.enqueue(third!)).toBe(false);
      expect((await stores.store.jobs.getAny(first!.jobId))?.waitingFor).toBeNull();
      expect((await stores.store.jobs.getAny(second!.jobId))?.waitingFor).toBe('one_run_at_a_time');
      expect(await stores.store.jobs.getAny(third!.jobId)).toBeNull();
    });

    it('takes one that waits while one runs', async () => {
      const { accountId, flowId } = await startRun(stores.store);
      expect(await stores.store.jobs.enqueue(manual({ accountId, flowId }))).toBe(true);
      expect(await stores.store.jobs.enqueue(manual({ accountId, flowId }))).toBe(false);
    });

    it('takes the same run again without storing it twice', async () => {
      const run = manual();
      const others = () => manual({ flowId: run.flowId });
      expect(await stores.store.jobs.enqueue(run)).toBe(true);
      expect(await stores.store.jobs.enqueue(others())).toBe(true);
      expect(await stores.other.jobs.enqueue(run)).toBe(true);
      expect(await stores.store.jobs.enqueue(others())).toBe(false);
    });

    it.each([
      [1, 2],
      [3, 4],
    ])('with maxConcurrentRuns %d takes %d of many at once, from any process', async (maxConcurrentRuns, taken) => {
      const { accountId, flowId } = manual();
      const results = await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          (i % 2 ? stores.store : stores.other).jobs.enqueue(manual({ accountId, flowId, maxConcurrentRuns })),
        ),
      );
      expect(results.filter(Boolean)).toHaveLength(taken);
    });

    it('keeps flows apart within one batch', async () => {
      const flows = Array.from({ length: 30 }, newId);
      const runs = flows.flatMap((flowId) => [1, 2, 3].map(() => manual({ flowId })));
      const results = await Promise.all(runs.map((run, i) => (i % 2 ? stores.store : stores.other).jobs.enqueue(run)));
      const takenOf = (flowId: string) => results.filter((taken, i) => taken && runs[i]!.flowId === flowId).length;
      expect(new Set(flows.map(takenOf))).toEqual(new Set([2]));
    });

    it('has room again when runs are final', async () => {
      const { accountId, flowId, jobId } = manual();
      await stores.store.jobs.enqueue(manual({ accountId, flowId, jobId }));
      await stores.store.jobs.enqueue(manual({ accountId, flowId }));
      await stores.store.jobs.cancel(accountId, jobId, 'user');
      expect(await stores.store.jobs.enqueue(manual({ accountId, flowId }))).toBe(true);
    });
  });

  describe('start', () => {
    it('gives the run the routers of its flow, uncounted, and steps none', async () => {
      const run = manual();
      const routers = [
        { id: 'r1', name: 'By size', ...uncounted, branches: [{ branchId: 'b1', name: 'large', numRecords: 0 }] },
        { id: 'r2 "\u0001\u20ac', ...uncounted, branches: [] },
      ];
      const children: ChildJob[] = [{ jobId: newId(), type: 'import', stepId: newId(), oIndex: 1 }];
      await stores.store.jobs.enqueue(run);
      await stores.store.jobs.start(run.jobId, 'plan', children, routers);
      expect((await stores.store.jobs.getAny(run.jobId))?.routers).toEqual(routers);
      const [family] = await stores.store.jobs.list(run.accountId, { _flowId: [run.flowId], type: ['flow'], limit: 1 });
      expect(family?.routers).toEqual(routers);
      expect((await stores.store.jobs.getAny(children[0]!.jobId))?.routers).toBeNull();
    });

    it('makes the run running with its plan and one child job per step', async () => {
      const run = manual({ integrationId: newId(), userId: newId(), triggeredBy: 'schedule' });
      const children: ChildJob[] = [
        { jobId: newId(), type: 'export', stepId: newId(), oIndex: 0 },
        { jobId: newId(), type: 'import', stepId: newId(), oIndex: 1 },
      ];
      await stores.store.jobs.enqueue(run);
      expect(await stores.store.jobs.start(run.jobId, 'plan-1', children)).toBe('started');
      const job = await stores.store.jobs.getAny(run.jobId);
      expect(job).toMatchObject({ status: 'running', waitingFor: null });
      expect(job!.startedAt).not.toBeNull();
      expect(await stores.store.jobs.planOf(run.jobId)).toEqual({ planId: 'plan-1', children });
      const rows = await stores.store.jobs.children(run.accountId, [run.jobId]);
      const common = {
        status: 'running',
        accountId: run.accountId,
        _integrationId: run.integrationId,
        _flowId: run.flowId,
        _flowJobId: run.jobId,
        _userId: run.userId,
        triggeredBy: 'schedule',
        startedAt: job!.startedAt,
        purgeAt: job!.purgeAt,
      };
      expect(rows).toMatchObject([
        {
          ...common,
          _id: children[0]!.jobId,
          type: 'export',
          _exportId: children[0]!.stepId,
          _importId: null,
          oIndex: 0,
        },
        {
          ...common,
          _id: children[1]!.jobId,
          type: 'import',
          _exportId: null,
          _importId: children[1]!.stepId,
          oIndex: 1,
        },
      ]);
    });

    it('lets exactly one caller start a run', async () => {
      const run = manual();
      await stores.store.jobs.enqueue(run);
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          (i % 2 ? stores.store : stores.other).jobs.start(run.jobId, 'plan', [
            { jobId: newId(), type: 'export', stepId: newId(), oIndex: 0 },
          ]),
        ),
      );
      expect(outcomesOf(outcomes)).toBe(1);
      expect(outcomes.filter((outcome) => outcome === 'gone')).toHaveLength(19);
      expect(await stores.store.jobs.children(run.accountId, [run.jobId])).toHaveLength(1);
    });

    it.each([1, 2])('never lets more than maxConcurrentRuns = %d be active', async (maxConcurrentRuns) => {
      const { accountId, flowId } = manual();
      const runs = Array.from({ length: maxConcurrentRuns + 1 }, () =>
        manual({ accountId, flowId, maxConcurrentRuns }),
      );
      for (const run of runs) await stores.store.jobs.enqueue(run);
      const outcomes = await Promise.all(
        runs.map((run, i) => (i % 2 ? stores.store : stores.other).jobs.start(run.jobId, 'plan', [])),
      );
      expect(outcomesOf(outcomes)).toBe(maxConcurrentRuns);
      const busy = runs[outcomes.indexOf('busy')];
      expect(await stores.store.jobs.getAny(busy!.jobId)).toMatchObject({
        status: 'queued',
        waitingFor: 'one_run_at_a_time',
      });
    });

    it('finds runs gone that are unknown, canceled or refused', async () => {
      const [canceled, refused] = [manual(), manual()];
      await stores.store.jobs.enqueue(canceled);
      await stores.store.jobs.enqueue(refused);
      await stores.store.jobs.cancel(canceled.accountId, canceled.jobId, 'user');
      await stores.store.jobs.refuse(refused.jobId, { code: 'not_supported', message: 'no scripts' });
      for (const jobId of [newId(), canceled.jobId, refused.jobId]) {
        expect(await stores.store.jobs.start(jobId, 'plan', [])).toBe('gone');
      }
    });

    it('does not wait in a circle when batches of two processes share flows', async () => {
      const flows = Array.from({ length: 20 }, newId);
      const runs = flows.flatMap((flowId) => [1, 2].map(() => manual({ flowId })));
      await Promise.all(runs.map((run) => stores.store.jobs.enqueue(run)));
      const outcomes = await Promise.all([
        ...runs.map(({ jobId }) => stores.store.jobs.start(jobId, 'plan', [])),
        ...runs.toReversed().map(({ jobId }) => stores.other.jobs.start(jobId, 'plan', [])),
      ]);
      expect(outcomesOf(outcomes)).toBe(flows.length);
    });
  });

  describe('refuse', () => {
    it('ends a queued run as failed with the reason', async () => {
      const run = manual();
      await stores.store.jobs.enqueue(run);
      const failure = { code: 'not_supported', message: 'scripts do not run yet' };
      await stores.store.jobs.refuse(run.jobId, failure);
      const job = await stores.store.jobs.getAny(run.jobId);
      expect(job).toMatchObject({ status: 'failed', failure, startedAt: null, waitingFor: null });
      expect(job!.endedAt).not.toBeNull();
    });

    it('leaves a run alone that has started', async () => {
      const { runId } = await startRun(stores.store);
      await stores.store.jobs.refuse(runId, { code: 'not_supported', message: 'too late' });
      expect(await stores.store.jobs.getAny(runId)).toMatchObject({ status: 'running', failure: null });
    });
  });

  describe('cancel (decision 6)', () => {
    it('ends a queued run at once', async () => {
      const run = manual();
      await stores.store.jobs.enqueue(run);
      const job = await stores.store.jobs.cancel(run.accountId, run.jobId, 'user-1');
      expect(job).toMatchObject({ status: 'canceled', canceledBy: 'user-1', waitingFor: null });
      expect(job!.canceledAt).not.toBeNull();
      expect(job!.endedAt).toBe(job!.canceledAt);
      expect(await stores.other.jobs.getAny(run.jobId)).toEqual(job);
    });

    it('makes a running run canceling, once', async () => {
      const { accountId, runId } = await startRun(stores.store);
      const job = await stores.store.jobs.cancel(accountId, runId, 'user-1');
      expect(job).toMatchObject({ status: 'canceling', canceledBy: 'user-1', endedAt: null });
      expect(await stores.store.jobs.cancel(accountId, runId, 'user-2')).toEqual(job);
    });

    it('leaves final runs as they are', async () => {
      const run = manual();
      await stores.store.jobs.enqueue(run);
      const canceled = await stores.store.jobs.cancel(run.accountId, run.jobId, 'user-1');
      expect(await stores.store.jobs.cancel(run.accountId, run.jobId, 'user-2')).toEqual(canceled);
    });

    it('knows only flow jobs of the account', async () => {
      const { runId, accountId, children } = await startRun(stores.store);
      expect(await stores.store.jobs.cancel(newId(), runId, 'thief')).toBeNull();
      expect(await stores.store.jobs.cancel(accountId, children[0]!.jobId, 'user')).toBeNull();
      expect(await stores.store.jobs.cancel(accountId, newId(), 'user')).toBeNull();
      expect((await stores.store.jobs.getAny(runId))?.status).toBe('running');
    });

    it('is never overtaken by a start', async () => {
      const runs = Array.from({ length: 20 }, () => manual());
      await Promise.all(runs.map((run) => stores.store.jobs.enqueue(run)));
      const [outcomes] = await Promise.all([
        Promise.all(runs.map(({ jobId }) => stores.store.jobs.start(jobId, 'plan', []))),
        Promise.all(runs.map(({ accountId, jobId }) => stores.other.jobs.cancel(accountId, jobId, 'user'))),
      ]);
      for (const [i, { jobId }] of runs.entries()) {
        const expected = outcomes[i] === 'started' ? 'canceling' : 'canceled';
        expect((await stores.store.jobs.getAny(jobId))?.status).toBe(expected);
      }
    });
  });

  describe('reading jobs', () => {
    it('shows an account nothing of another', async () => {
      const { accountId, runId } = await startRun(stores.store);
      const thief = newId();
      expect(await stores.store.jobs.get(thief, runId)).toBeNull();
      expect(await stores.store.jobs.children(thief, [runId])).toEqual([]);
      expect(await stores.store.jobs.family(thief, runId)).toEqual([]);
      expect(await stores.store.jobs.list(thief, { limit: 10 })).toEqual([]);
      expect((await stores.store.jobs.get(accountId, runId))?._id).toBe(runId);
      expect((await stores.store.jobs.getAny(runId))?._id).toBe(runId);
    });

    it('shows a job with its children in order, however many are asked for at once', async () => {
      const runs = await Promise.all([startRun(stores.store), startRun(stores.store)]);
      const asked = [...runs, ...runs].map(({ accountId, runId }) => stores.store.jobs.family(accountId, runId));
      const families = await Promise.all(asked);
      expect(families.map((family) => family.map(({ _id }) => _id))).toEqual(
        [...runs, ...runs].map(({ runId, children }) => [runId, ...children.map(({ jobId }) => jobId)]),
      );
      const [{ accountId, runId, children }] = runs;
      const [parent, ...steps] = families[0]!;
      expect(parent).toEqual(await stores.store.jobs.get(accountId, runId));
      expect(steps).toEqual(await stores.store.jobs.children(accountId, [runId]));
      const child = children[0]!.jobId;
      expect((await stores.store.jobs.family(accountId, child)).map(({ _id }) => _id)).toEqual([child]);
    });

    it('writes times as ISO 8601 with milliseconds, whatever they end in', async () => {
      const { accountId, runId } = await startRun(stores.store);
      const [listed] = await stores.store.jobs.list(accountId, { limit: 1, type: ['flow'] });
      expect(await stores.store.jobs.getAny(runId)).toEqual(listed);
      for (const finishedAt of ['2026-02-03T04:05:06.000Z', '2026-02-03T04:05:06.700Z', '2026-02-03T04:05:06.080Z']) {
        const run = await startRun(stores.store);
        const finished = [{ ...finishedOf(run), finishedAt }];
        await new Consumer(stores.store).apply({ generators: [generatorOf(run, 0)], finished });
        expect((await stores.store.jobs.getAny(run.runId))?.endedAt).toBe(finishedAt);
      }
    });

    it('has no plan of a run that did not start', async () => {
      const run = manual();
      await stores.store.jobs.enqueue(run);
      expect(await stores.store.jobs.planOf(run.jobId)).toBeNull();
      expect(await stores.store.jobs.planOf(newId())).toBeNull();
    });

    it('lists newest first, and filters', async () => {
      const accountId = newId();
      const integrationId = newId();
      const a = await startRun(stores.store, { accountId, integrationId });
      const b = await startRun(stores.store, { accountId });
      const queued = manual({ accountId });
      await stores.store.jobs.enqueue(queued);
      const consumer = new Consumer(stores.store);
      await consumer.apply({
        generators: [generatorOf(a, 0, { totals: { pages: 0, records: 0, ignored: 7, failed: 2 } })],
      });
      const list = async (query: Partial<Parameters<typeof stores.store.jobs.list>[1]>) =>
        (await stores.store.jobs.list(accountId, { limit: 100, ...query })).map(({ _id }) => _id);
      const created = async (jobId: string) => (await stores.store.jobs.getAny(jobId))!.createdAt;
      const [ofA, ofB] = [a, b].map(({ children }) => children.map(({ jobId }) => jobId));

      expect(new Set(await list({}))).toEqual(new Set([a.runId, b.runId, queued.jobId, ...ofA!, ...ofB!]));
      expect(await list({ type: ['flow'] })).toEqual([queued.jobId, b.runId, a.runId]);
      expect(await list({ type: ['flow'], limit: 2 })).toEqual([queued.jobId, b.runId]);
      expect(await list({ type: ['flow', 'retry'], status: ['queued'] })).toEqual([queued.jobId]);
      expect(await list({ type: ['flow'], _integrationId: integrationId })).toEqual([a.runId]);
      expect(await list({ type: ['flow'], _flowId: [a.flowId, queued.flowId] })).toEqual([queued.jobId, a.runId]);
      expect(new Set(await list({ _flowJobId: b.runId }))).toEqual(new Set(ofB));
      expect(await list({ _flowJobId: b.runId, type: ['import'] })).toEqual([b.children[2]!.jobId]);
      expect(await list({ _exportId: a.lookupId })).toEqual([a.children[1]!.jobId]);
      expect(await list({ _importId: a.importId })).toEqual([a.children[2]!.jobId]);
      expect(await list({ type: ['flow'], counts: [{ field: 'numIgnore', op: 'gte', value: 7 }] })).toEqual([a.runId]);
      expect(await list({ type: ['flow'], counts: [{ field: 'numError', op: 'lte', value: 1 }] })).toEqual([
        queued.jobId,
        b.runId,
      ]);
      expect(await list({ type: ['flow'], createdAt: { lte: await created(a.runId) } })).toContain(a.runId);
      expect(await list({ type: ['flow'], createdAt: { gt: await created(queued.jobId) } })).toEqual([]);
      expect(await list({ type: ['flow'], createdAt: { gte: await created(queued.jobId) } })).toContain(queued.jobId);
      expect(await list({ type: ['flow'], startedAt: { gte: '2000-01-01T00:00:00.000Z' } })).toEqual([
        b.runId,
        a.runId,
      ]);
      expect(await list({ type: ['flow'], startedAt: { lte: '2000-01-01T00:00:00.000Z' } })).toEqual([]);
    });

    it('finds active runs, oldest first', async () => {
      const [first, second] = [await startRun(stores.store), await startRun(stores.store)];
      const queued = manual();
      await stores.store.jobs.enqueue(queued);
      await stores.store.jobs.cancel(second.accountId, second.runId, 'user');
      const active = await stores.store.jobs.activeRuns(everything);
      const mine = active.filter(({ jobId }) => [first.runId, second.runId, queued.jobId].includes(jobId));
      expect(mine).toMatchObject([
        {
          jobId: first.runId,
          accountId: first.accountId,
          flowId: first.flowId,
          status: 'running',
          planId: `plan-${first.flowId}`,
        },
        { jobId: second.runId, status: 'canceling' },
      ]);
      expect(await stores.store.jobs.activeRuns(1)).toHaveLength(1);
    });

    it('finds queued runs whose flow has room, oldest first', async () => {
      const { accountId, flowId } = await startRun(stores.store);
      const blocked = manual({ accountId, flowId });
      const [free, next] = [manual(), manual()];
      const behindFree = manual({ flowId: free.flowId });
      for (const run of [blocked, free, next, behindFree]) await stores.store.jobs.enqueue(run);
      const ids = new Set([blocked, free, next, behindFree].map(({ jobId }) => jobId));
      const startable = async () =>
        (await stores.store.jobs.startable(everything)).map(({ jobId }) => jobId).filter((id) => ids.has(id));
      expect(await startable()).toEqual([free.jobId, next.jobId]);
      await stores.store.jobs.cancel(free.accountId, free.jobId, 'user');
      expect(await startable()).toEqual([next.jobId, behindFree.jobId]);
      const heldBack = await stores.store.jobs.startable(everything, 'heldBack');
      expect(heldBack.map(({ jobId }) => jobId).filter((id) => ids.has(id))).toEqual([behindFree.jobId]);
    });

    it('hands final runs to exactly one follower', async () => {
      const run = await startRun(stores.store);
      const unfollowed = async () =>
        (await stores.store.jobs.unfollowed(everything)).filter(({ _id }) => _id === run.runId);
      expect(await stores.store.jobs.markFollowed(run.runId)).toBe(false);
      expect(await unfollowed()).toEqual([]);
      await new Consumer(stores.store).apply({ generators: [generatorOf(run, 0)], finished: [finishedOf(run)] });
      expect(await unfollowed()).toMatchObject([{ status: 'completed' }]);
      const marks = await Promise.all(
        Array.from({ length: 10 }, (_, i) => (i % 2 ? stores.store : stores.other).jobs.markFollowed(run.runId)),
      );
      expect(marks.filter(Boolean)).toHaveLength(1);
      expect(await unfollowed()).toEqual([]);
    });

    it('starts runs at the time that their starter told others', async () => {
      const queued = manual();
      await stores.store.jobs.enqueue(queued);
      const child = { jobId: newId(), type: 'export', stepId: newId(), oIndex: 0 } as const;
      const at = new Date(Date.now() - 1_234);
      await stores.store.jobs.start(queued.jobId, `plan-${queued.flowId}`, [child], [], { at });
      const [run, step] = await stores.store.jobs.family(queued.accountId, queued.jobId);
      expect([run?.startedAt, step?.startedAt]).toEqual([at.toISOString(), at.toISOString()]);
    });

    it('hands no final run to followers of which it was known that nothing follows', async () => {
      const queued = manual();
      await stores.store.jobs.enqueue(queued);
      const child = { jobId: newId(), type: 'export', stepId: newId(), oIndex: 0 } as const;
      await stores.store.jobs.start(queued.jobId, `plan-${queued.flowId}`, [child], [], { nothingFollows: true });
      const marker = { runId: queued.jobId, accountId: queued.accountId, flowId: queued.flowId };
      await new Consumer(stores.store).apply({
        finished: [{ v: 1, kind: 'finished', ...marker, canceled: false, finishedAt: new Date().toISOString() }],
      });
      expect((await stores.store.jobs.getAny(queued.jobId))?.endedAt).not.toBeNull();
      const unfollowed = await stores.store.jobs.unfollowed(everything);
      expect(unfollowed.filter(({ _id }) => _id === queued.jobId)).toEqual([]);
      expect(await stores.store.jobs.markFollowed(queued.jobId)).toBe(false);
    });

    it('counts runs by status, child jobs not', async () => {
      const before = await stores.store.jobs.countByStatus();
      await startRun(stores.store);
      await stores.store.jobs.enqueue(manual());
      const after = await stores.store.jobs.countByStatus();
      expect(after.running! - (before.running ?? 0)).toBe(1);
      expect(after.queued! - (before.queued ?? 0)).toBe(1);
    });
  });

  describe('plans', () => {
    it('are stored once per id and never change', async () => {
      const planId = newId();
      const plan = (name: string) =>
        ({
          flow: { _id: newId(), name },
          exports: {},
          imports: {},
          connections: {},
          settings: { flow: { odd: 'a\u0000b' } },
        }) as unknown as FlowPlan;
      const first = plan('first');
      expect(await stores.store.plans.get(planId)).toBeNull();
      await stores.store.plans.put(planId, newId(), first);
      await stores.other.plans.put(planId, newId(), plan('second'));
      expect(await stores.store.plans.get(planId)).toEqual(first);
    });
  });
}
