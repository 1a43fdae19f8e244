import { describe, expect, it } from '@jest/globals';
import type { PagesResult } from '#contracts';
import { newId } from '#model';
import { PositionConflict, type JobRow, type LedgerBatch } from '#store';
import {
  Consumer,
  errorOf,
  failureOf,
  finishedOf,
  generatorOf,
  manual,
  pageOf,
  startRun,
  type StartedRun,
} from './builders.js';
import type { Stores } from './fixture.js';

type Counts = Pick<
  JobRow,
  'numSuccess' | 'numError' | 'numOpenError' | 'numIgnore' | 'numPagesGenerated' | 'numPagesProcessed'
>;

export function ledgerClauses(stores: Stores): void {
  const job = async (run: StartedRun) => (await stores.store.jobs.getAny(run.runId))!;
  const child = async (run: StartedRun, oIndex: number) =>
    (await stores.store.jobs.getAny(run.children[oIndex]!.jobId))!;
  const counts = ({
    numSuccess,
    numError,
    numOpenError,
    numIgnore,
    numPagesGenerated,
    numPagesProcessed,
  }: JobRow): Counts => ({ numSuccess, numError, numOpenError, numIgnore, numPagesGenerated, numPagesProcessed });
  const none: Counts = {
    numSuccess: 0,
    numError: 0,
    numOpenError: 0,
    numIgnore: 0,
    numPagesGenerated: 0,
    numPagesProcessed: 0,
  };

  describe('the ledger', () => {
    describe('position', () => {
      it('is null before the first batch, which may begin anywhere, and then follows the batches', async () => {
        const consumer = new Consumer(stores.store, 3);
        const { topic, group } = consumer;
        const position = () => stores.other.ledger.position(topic, group, 3);
        expect(await position()).toBeNull();
        await stores.store.ledger.apply(consumer.batch(9_007_199_254_740_993n, 9_007_199_254_741_000n, {}));
        expect(await position()).toBe(9_007_199_254_741_000n);
        await stores.store.ledger.apply(consumer.batch(9_007_199_254_741_000n, 9_007_199_254_741_001n, {}));
        expect(await position()).toBe(9_007_199_254_741_001n);
        expect(await stores.store.ledger.position(topic, group, 4)).toBeNull();
      });

      it.each([9n, 11n])('refuses a batch at %d when it stands at 10, whole', async (firstOffset) => {
        const run = await startRun(stores.store);
        const consumer = new Consumer(stores.store);
        await stores.store.ledger.apply(consumer.batch(0n, 10n, {}));
        const error = errorOf(run);
        const batch = consumer.batch(firstOffset, 20n, { pages: [pageOf(run, 0)], errors: [error] });
        await expect(stores.store.ledger.apply(batch)).rejects.toThrow(PositionConflict);
        expect(counts(await job(run))).toEqual(none);
        expect((await stores.store.errors.summary(run.accountId, run.flowId)).length).toBe(0);
        expect(await stores.store.ledger.position(consumer.topic, consumer.group, 0)).toBe(10n);
      });

      it('lets one of two owners of a partition win, also for the very first batch', async () => {
        const run = await startRun(stores.store);
        const consumer = new Consumer(stores.store);
        const apply = (offset: bigint) =>
          Promise.allSettled(
            [stores.store, stores.other].map(({ ledger }, i) =>
              ledger.apply(consumer.batch(offset, offset + 1n, { pages: [pageOf(run, Number(offset) * 2 + i)] })),
            ),
          );
        for (const offset of [0n, 1n, 2n]) {
          const results = await apply(offset);
          expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
          const [lost] = results.filter((result) => result.status === 'rejected');
          expect(lost!.reason).toBeInstanceOf(PositionConflict);
        }
        expect((await job(run)).numSuccess).toBe(60);
      });
    });

    it('takes batches of several partitions at a time; one that is refused stops no other', async () => {
      const runs = await Promise.all([0, 1, 2].map(() => startRun(stores.store)));
      const consumers = runs.map((_, partition) => new Consumer(stores.store, partition));
      await stores.store.ledger.apply(consumers[0]!.batch(0n, 1n, {}));
      await stores.store.ledger.apply(consumers[1]!.batch(0n, 5n, {}));
      const results = await Promise.allSettled(
        runs.map((run, i) => stores.store.ledger.apply(consumers[i]!.batch(1n, 2n, { pages: [pageOf(run, 0)] }))),
      );
      expect(results).toMatchObject([
        { status: 'fulfilled', value: { changed: [runs[0]!.runId], finalized: [] } },
        { status: 'rejected', reason: expect.any(PositionConflict) },
        { status: 'fulfilled', value: { changed: [runs[2]!.runId], finalized: [] } },
      ]);
      expect(await Promise.all(runs.map(async (run) => (await job(run)).numSuccess))).toEqual([20, 0, 20]);
    });

    describe('counts (decision 1)', () => {
      it('adds page results to the steps and their sums to the run', async () => {
        const run = await startRun(stores.store);
        const steps = [
          { stepId: run.lookupId, success: 18, error: 2, ignore: 0, pages: 1 },
          { stepId: run.importId, success: 10, error: 3, ignore: 5, pages: 1 },
        ];
        const consumer = new Consumer(stores.store);
        const { changed } = await consumer.apply({ pages: [pageOf(run, 0, { steps }), pageOf(run, 1, { steps })] });
        expect(changed).toEqual([run.runId]);
        expect(counts(await child(run, 1))).toEqual({
          ...none,
          numSuccess: 36,
          numError: 4,
          numOpenError: 4,
          numPagesProcessed: 2,
        });
        expect(counts(await child(run, 2))).toEqual({
          ...none,
          numSuccess: 20,
          numError: 6,
          numOpenError: 6,
          numIgnore: 10,
          numPagesProcessed: 2,
        });
        expect(counts(await job(run))).toEqual({
          ...none,
          numSuccess: 20,
          numError: 10,
          numOpenError: 10,
          numIgnore: 10,
        });
      });

      it('takes the totals of a generator as absolute: the newest slice holds', async () => {
        const run = await startRun(stores.store);
        const consumer = new Consumer(stores.store);
        const slice = (n: number, state: 'reading' | 'done') =>
          generatorOf(run, 0, {
            slice: n,
            state,
            totals: { pages: n, records: n * 20, ignored: n * 2, failed: n * 3 },
          });
        await consumer.apply({ generators: [slice(1, 'reading'), slice(2, 'reading')] });
        await consumer.apply({ generators: [slice(4, 'done'), slice(3, 'reading'), slice(4, 'reading')] });
        await consumer.apply({ generators: [slice(1, 'reading')] });
        const generator = await child(run, 0);
        const expected = { numError: 12, numOpenError: 12, numIgnore: 8, numPagesGenerated: 4, numPagesProcessed: 0 };
        expect(counts(generator)).toEqual({ ...expected, numSuccess: 80 });
        expect(generator.doneExporting).toBe(true);
        expect(counts(await job(run))).toEqual({ ...expected, numSuccess: 0 });
      });

      it('adds up several generators of a run', async () => {
        const run = await startRun(stores.store);
        await new Consumer(stores.store).apply({
          generators: [generatorOf(run, 2), generatorOf(run, 3, { ordinal: 1, exportId: newId() })],
        });
        expect((await job(run)).numPagesGenerated).toBe(5);
        expect((await child(run, 0)).numPagesGenerated).toBe(2);
      });

      it('counts failures of a generator without a record, once per slice, in any order', async () => {
        const run = await startRun(stores.store);
        const consumer = new Consumer(stores.store);
        const slice = (n: number, failures: number) =>
          generatorOf(run, 0, {
            slice: n,
            state: 'reading',
            totals: { pages: n, records: n, ignored: 0, failed: n },
            errors: Array.from({ length: failures }, () => failureOf(run)),
          });
        const [first, second] = [slice(1, 2), slice(2, 1)];
        await consumer.apply({ generators: [second] });
        await consumer.apply({ generators: [first, second, first] });
        // Two failed records by the newest totals, and three failures without one.
        expect((await child(run, 0)).numError).toBe(5);
        expect((await job(run)).numError).toBe(5);
      });

      it('does not count warnings, nor failures of records a second time', async () => {
        const run = await startRun(stores.store);
        const errors = [failureOf(run, { warning: true }), failureOf(run, { index: 4 })];
        const totals = { pages: 1, records: 19, ignored: 0, failed: 1 };
        await new Consumer(stores.store).apply({ generators: [generatorOf(run, 1, { totals, errors })] });
        expect((await job(run)).numError).toBe(1);
      });

      it('counts what routers did by branch, and what no branch took as ignored by the run (decision 7)', async () => {
        const uncounted = { numSuccess: 0, numError: 0, numIgnore: 0 };
        const branches = ['a', 'b'].map((name) => ({ name, numRecords: 0 }));
        const run = await startRun(stores.store, {}, [
          { id: 'r1', ...uncounted, branches },
          { id: 'r2', ...uncounted, branches },
        ]);
        const routed = (page: number, ...routers: NonNullable<PagesResult['routers']>) =>
          pageOf(run, page, { steps: [{ stepId: run.exportId, success: 0, error: 1, ignore: 0, pages: 0 }], routers });
        const first = routed(0, { router: 0, success: 5, error: 1, ignore: 2, branches: [3, 2] });
        const [one, two] = [new Consumer(stores.store, 0), new Consumer(stores.other, 1)];
        await one.apply({ pages: [first, first] });
        await two.apply({
          pages: [
            first,
            routed(
              1,
              { router: 0, success: 4, error: 1, ignore: 0, branches: [0, 4] },
              { router: 1, success: 3, error: 0, ignore: 1, branches: [3, 3] },
            ),
          ],
        });
        expect((await job(run)).routers).toEqual([
          {
            id: 'r1',
            numSuccess: 9,
            numError: 2,
            numIgnore: 2,
            branches: [
              { name: 'a', numRecords: 3 },
              { name: 'b', numRecords: 6 },
            ],
          },
          {
            id: 'r2',
            numSuccess: 3,
            numError: 0,
            numIgnore: 1,
            branches: [
              { name: 'a', numRecords: 3 },
              { name: 'b', numRecords: 3 },
            ],
          },
        ]);
        expect(counts(await job(run))).toEqual({ ...none, numIgnore: 3, numError: 2, numOpenError: 2 });
        expect(await child(run, 0)).toMatchObject({ numError: 2, numPagesProcessed: 0, routers: null });
      });

      it('keeps the routers of a run over batches that routed nothing, and after its end', async () => {
        const router = { id: 'r', numSuccess: 0, numError: 0, numIgnore: 0, branches: [{ name: 'a', numRecords: 0 }] };
        const run = await startRun(stores.store, {}, [router]);
        const consumer = new Consumer(stores.store);
        const routers = [{ router: 0, success: 20, error: 0, ignore: 0, branches: [20] }];
        await consumer.apply({ pages: [pageOf(run, 0, { routers })] });
        await consumer.apply({ generators: [generatorOf(run, 1)], finished: [finishedOf(run)] });
        expect(await job(run)).toMatchObject({
          status: 'completed',
          routers: [{ ...router, numSuccess: 20, branches: [{ name: 'a', numRecords: 20 }] }],
        });
      });
    });

    describe('exactness under redelivery (P3)', () => {
      it('counts a result once, within a batch, between batches and between processes', async () => {
        const run = await startRun(stores.store);
        const [one, two] = [new Consumer(stores.store, 0), new Consumer(stores.other, 1)];
        const first = await one.apply({ pages: [pageOf(run, 0), pageOf(run, 0), pageOf(run, 1)] });
        expect(first.changed).toEqual([run.runId]);
        await one.apply({ pages: [pageOf(run, 1), pageOf(run, 2)] });
        await Promise.all([
          one.apply({ pages: [pageOf(run, 2), pageOf(run, 3)] }),
          two.apply({ pages: [pageOf(run, 3), pageOf(run, 2), pageOf(run, 4)] }),
        ]);
        expect((await one.apply({ pages: [pageOf(run, 0)] })).changed).toEqual([]);
        expect(counts(await child(run, 2))).toMatchObject({ numSuccess: 100, numPagesProcessed: 5 });
        expect((await job(run)).numSuccess).toBe(100);
      });

      it('counts results of runs in whatever order their batches mix them', async () => {
        const runs = await Promise.all(Array.from({ length: 6 }, () => startRun(stores.store)));
        const results = runs.flatMap((run) => Array.from({ length: 30 }, (_, page) => pageOf(run, page)));
        const shuffled = [...results, ...results].sort((a, b) => ((a.resultId + b.resultId).length % 2 ? 1 : -1));
        const consumer = new Consumer(stores.store);
        for (let i = 0; i < shuffled.length; i += 37) await consumer.apply({ pages: shuffled.slice(i, i + 37) });
        for (const run of runs) expect((await job(run)).numSuccess).toBe(600);
      });

      it('does not deadlock when two consumers apply overlapping runs in opposite orders', async () => {
        const runs = await Promise.all(Array.from({ length: 12 }, () => startRun(stores.store)));
        const consumers = [new Consumer(stores.store, 0), new Consumer(stores.other, 1)];
        for (let round = 0; round < 10; round++) {
          const pages = runs.map((run) => pageOf(run, round));
          const generators = runs.map((run) => generatorOf(run, round + 1, { state: 'reading' }));
          const errors = runs.map((run) => errorOf(run));
          await Promise.all([
            consumers[0]!.apply({ pages, generators, errors }),
            consumers[1]!.apply({
              pages: pages.toReversed(),
              generators: generators.toReversed(),
              errors: errors.toReversed(),
            }),
          ]);
        }
        for (const run of runs) {
          expect(counts(await job(run))).toMatchObject({ numSuccess: 200, numPagesGenerated: 10 });
          const { rows } = await stores.store.errors.listOpen(run.accountId, run.flowId, run.importId, { limit: 100 });
          expect(rows).toHaveLength(10);
        }
      });

      it('stores the errors of a page result that counts, and not those of another try of the same message (P3)', async () => {
        const run = await startRun(stores.store);
        const consumer = new Consumer(stores.store);
        const failing = (): Pick<LedgerBatch, 'pages' | 'errors'> => {
          const steps = [{ stepId: run.importId, success: 19, error: 1, ignore: 0, pages: 1 }];
          const page = pageOf(run, 0, { steps });
          return { pages: [page], errors: [{ ...errorOf(run), resultId: page.resultId }] };
        };
        const first = failing();
        await consumer.apply(first);
        await consumer.apply(failing());
        expect(await job(run)).toMatchObject({ numError: 1, numOpenError: 1 });
        const { rows } = await stores.store.errors.listOpen(run.accountId, run.flowId, run.importId, { limit: 10 });
        expect(rows.map(({ errorId }) => errorId)).toEqual(first.errors.map(({ errorId }) => errorId));
      });

      it('counts nothing for runs that it does not know, and goes on', async () => {
        const run = await startRun(stores.store);
        const unknown = { ...run, runId: newId() };
        const error = errorOf(unknown);
        const result = await new Consumer(stores.store).apply({
          pages: [pageOf(unknown, 0), pageOf(run, 0)],
          generators: [generatorOf(unknown, 1)],
          finished: [finishedOf(unknown)],
          errors: [error],
        });
        expect(result).toEqual({ finalized: [], changed: [run.runId] });
        // The error itself is not lost (P1).
        const { rows } = await stores.store.errors.listOpen(run.accountId, run.flowId, run.importId, { limit: 10 });
        expect(rows.map(({ errorId }) => errorId)).toEqual([error.errorId]);
      });
    });

    describe('the end of a run', () => {
      it('completes a run whose pages are all accounted for', async () => {
        const run = await startRun(stores.store);
        const consumer = new Consumer(stores.store);
        const { finalized, changed } = await consumer.apply({
          pages: [pageOf(run, 0, { pages: 2, forked: 2 }), pageOf(run, 1, { pages: 2 }), pageOf(run, 2, { pages: 1 })],
          generators: [generatorOf(run, 3)],
          finished: [finishedOf(run)],
        });
        const { runId, accountId, flowId } = run;
        expect(finalized).toEqual([{ runId, accountId, flowId, status: 'completed' }]);
        expect(changed).toEqual([runId]);
        const end = { status: 'completed', endedAt: '2030-05-06T07:08:09.123Z', failure: null };
        expect(await job(run)).toMatchObject({ ...end, doneExporting: true, numSuccess: 60 });
        for (const oIndex of [0, 1, 2]) expect(await child(run, oIndex)).toMatchObject(end);
      });

      it('completes a run that found nothing', async () => {
        const run = await startRun(stores.store);
        const batch = { generators: [generatorOf(run, 0)], finished: [finishedOf(run)] };
        const { finalized } = await new Consumer(stores.store).apply(batch);
        expect(finalized).toMatchObject([{ status: 'completed' }]);
      });

      it.each<[string, Partial<LedgerBatch> | ((run: StartedRun) => Partial<LedgerBatch>), RegExp]>([
        [
          'a page is missing',
          (run) => ({ generators: [generatorOf(run, 2)], pages: [pageOf(run, 0)] }),
          /generated: 2, forked: 0, finished: 1; 1 missing/,
        ],
        [
          'a fork is missing',
          (run) => ({ generators: [generatorOf(run, 1)], pages: [pageOf(run, 0, { forked: 3 })] }),
          /generated: 1, forked: 3, finished: 1; 3 missing/,
        ],
        [
          'there are too many pages',
          (run) => ({ generators: [generatorOf(run, 0)], pages: [pageOf(run, 0)] }),
          /1 too many/,
        ],
        [
          'a generator never reported its end',
          (run) => ({ generators: [generatorOf(run, 1, { state: 'reading' })], pages: [pageOf(run, 0)] }),
          /never reported its end/,
        ],
      ])('fails a run with pages_lost when %s', async (_what, content, message) => {
        const run = await startRun(stores.store);
        const batch = typeof content === 'function' ? content(run) : content;
        const { finalized } = await new Consumer(stores.store).apply({ ...batch, finished: [finishedOf(run)] });
        expect(finalized).toMatchObject([{ status: 'failed' }]);
        const { failure, status } = await job(run);
        expect(status).toBe('failed');
        expect(failure).toEqual({ code: 'pages_lost', message: expect.stringMatching(message) });
      });

      it('fails a run with pages_lost when a generator of its plan reported nothing', async () => {
        const queued = manual({ request: {} });
        const [read, silent] = [newId(), newId()];
        const planId = `plan-${queued.flowId}`;
        const plan = { flow: { _id: queued.flowId, pageGenerators: [{ _exportId: read }, { _exportId: silent }] } };
        await stores.store.plans.put(planId, queued.accountId, plan as never);
        const run = await startRun(stores.store, queued);
        const batch = { generators: [generatorOf(run, 0, { exportId: read })], finished: [finishedOf(run)] };
        await new Consumer(stores.store).apply(batch);
        expect((await job(run)).failure).toEqual({
          code: 'pages_lost',
          message: `The export ${silent} never reported anything.`,
        });
      });

      it('expects only the generators that the start asked for', async () => {
        const [read, notAsked] = [newId(), newId()];
        const queued = manual({ request: { _exportIds: [read] } });
        const plan = { flow: { _id: queued.flowId, pageGenerators: [{ _exportId: read }, { _exportId: notAsked }] } };
        await stores.store.plans.put(`plan-${queued.flowId}`, queued.accountId, plan as never);
        const run = await startRun(stores.store, queued);
        const batch = { generators: [generatorOf(run, 0, { exportId: read })], finished: [finishedOf(run)] };
        expect((await new Consumer(stores.store).apply(batch)).finalized).toMatchObject([{ status: 'completed' }]);
      });

      it('fails a run whose generator failed, and counts what was generated (decision 4)', async () => {
        const run = await startRun(stores.store);
        await new Consumer(stores.store).apply({
          pages: [pageOf(run, 0)],
          generators: [generatorOf(run, 1, { state: 'failed', errors: [failureOf(run)] })],
          finished: [finishedOf(run)],
        });
        expect(await job(run)).toMatchObject({
          status: 'failed',
          failure: { code: 'generator_failed' },
          numSuccess: 20,
          numError: 1,
          doneExporting: false,
        });
        expect(await child(run, 0)).toMatchObject({ status: 'failed', numError: 1 });
        expect(await child(run, 2)).toMatchObject({ status: 'completed', numSuccess: 20 });
      });

      it('cancels a run without asking for the pages that were not sent (decision 6)', async () => {
        const run = await startRun(stores.store);
        await stores.store.jobs.cancel(run.accountId, run.runId, 'user-1');
        const { finalized } = await new Consumer(stores.store).apply({
          pages: [pageOf(run, 0)],
          generators: [generatorOf(run, 5, { state: 'canceled' })],
          finished: [finishedOf(run, { canceled: true })],
        });
        expect(finalized).toMatchObject([{ status: 'canceled' }]);
        expect(await job(run)).toMatchObject({
          status: 'canceled',
          canceledBy: 'user-1',
          failure: null,
          numSuccess: 20,
          endedAt: '2030-05-06T07:08:09.123Z',
        });
        expect(await child(run, 0)).toMatchObject({ status: 'canceled', numPagesGenerated: 5 });
        expect(await child(run, 2)).toMatchObject({ status: 'canceled', numPagesProcessed: 1 });
      });

      it('completes a run whose cancel came after its last page', async () => {
        const run = await startRun(stores.store);
        await stores.store.jobs.cancel(run.accountId, run.runId, 'user-1');
        const batch = { pages: [pageOf(run, 0)], generators: [generatorOf(run, 1)], finished: [finishedOf(run)] };
        expect((await new Consumer(stores.store).apply(batch)).finalized).toMatchObject([{ status: 'completed' }]);
      });

      it('comes once: a repeated marker and repeated results change nothing', async () => {
        const run = await startRun(stores.store);
        const consumer = new Consumer(stores.store);
        const content = { pages: [pageOf(run, 0)], generators: [generatorOf(run, 1)], finished: [finishedOf(run)] };
        await consumer.apply({ ...content, finished: [finishedOf(run), finishedOf(run)] });
        const ended = await job(run);
        const later = finishedOf(run, { canceled: true, finishedAt: '2031-01-01T00:00:00.000Z' });
        expect(await consumer.apply({ ...content, finished: [later] })).toEqual({ finalized: [], changed: [] });
        expect(await job(run)).toEqual(ended);
      });

      it('keeps its status when a result comes late, and counts the result once', async () => {
        const run = await startRun(stores.store);
        const consumer = new Consumer(stores.store);
        await consumer.apply({ generators: [generatorOf(run, 1)], finished: [finishedOf(run)] });
        await consumer.apply({ pages: [pageOf(run, 0)] });
        await consumer.apply({ pages: [pageOf(run, 0)] });
        expect(await job(run)).toMatchObject({ status: 'failed', failure: { code: 'pages_lost' }, numSuccess: 20 });
      });

      it('does not come to a run that has not started', async () => {
        const queued = manual();
        await stores.store.jobs.enqueue(queued);
        const { accountId, flowId, jobId } = queued;
        const marker = finishedOf({ accountId, flowId, runId: jobId } as StartedRun);
        expect((await new Consumer(stores.store).apply({ finished: [marker] })).finalized).toEqual([]);
        expect((await stores.store.jobs.getAny(jobId))?.status).toBe('queued');
      });

      it('gives the flow room for its next run', async () => {
        const run = await startRun(stores.store);
        const next = manual({ accountId: run.accountId, flowId: run.flowId });
        await stores.store.jobs.enqueue(next);
        expect(await stores.store.jobs.start(next.jobId, 'plan', [])).toBe('busy');
        await new Consumer(stores.store).apply({ generators: [generatorOf(run, 0)], finished: [finishedOf(run)] });
        expect(await stores.store.jobs.start(next.jobId, 'plan', [])).toBe('started');
      });
    });

    it('is all or nothing: a batch that fails leaves position, counts and errors as they were', async () => {
      const run = await startRun(stores.store);
      const consumer = new Consumer(stores.store);
      const bad = errorOf(run, { occurredAt: 'no time at all' });
      const batch = consumer.batch(0n, 5n, { pages: [pageOf(run, 0)], errors: [errorOf(run), bad] });
      await expect(stores.store.ledger.apply(batch)).rejects.toThrow();
      expect(counts(await job(run))).toEqual(none);
      expect(await stores.store.ledger.position(consumer.topic, consumer.group, 0)).toBeNull();
      expect(await stores.store.errors.summary(run.accountId, run.flowId)).toEqual([]);
    });
  });

  describe('readiness', () => {
    it('is true while the database answers', async () => {
      expect(await stores.store.isReady()).toBe(true);
    });
  });
}
