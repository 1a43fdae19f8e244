import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { FlowPlan } from '#engine';
import { eventually } from '#testing/eventually';
import { TestCluster } from './testing/test-cluster.js';
import { ids, numbered, TestApps, testPlan } from './testing/test-flow.js';

const unreadable = { code: 'record_too_large', message: 'too large', source: 'internal' } as const;
const importInto = (_importId: string) => ({ type: 'import', _importId }) as const;
const large = numbered(5).map((record) => ({ ...record, text: 'x'.repeat(20_000) }));

describe.each([
  ['holds the records of its pages', false],
  ['builds requests as it reads', true],
])('an executor that %s', (_how, buildsRequests) => {
  let apps: TestApps;
  let cluster: TestCluster;

  beforeEach(() => {
    apps = new TestApps(buildsRequests);
    cluster = new TestCluster(apps);
  });
  afterEach(() => cluster.close());

  it('delivers every record once, in pages of the configured size, and counts them', async () => {
    apps.records = numbered(23);
    await cluster.executor();
    await cluster.startRun(testPlan());
    await cluster.drained();

    expect(apps.delivered).toHaveLength(23);
    expect(new Set(apps.delivered.map((r) => (r as { n: number }).n)).size).toBe(23);
    expect(apps.submitted.map(({ records }) => records.length).toSorted((a, b) => a - b)).toEqual([3, 5, 5, 5, 5]);
    expect(cluster.generator()).toMatchObject({
      state: 'done',
      totals: { pages: 5, records: 23, ignored: 0, failed: 0 },
    });
    expect(cluster.counts(ids.import)).toEqual({ success: 23, error: 0, ignore: 0 });
    expect(apps.builtRequests).toBe(buildsRequests ? 5 : 0);
    expect(cluster.ledger()).toEqual({ generated: 5, forked: 0, finished: 5 });
  });

  it('reports a source without records as done, with nothing published', async () => {
    await cluster.executor();
    await cluster.startRun(testPlan());
    await cluster.drained();
    expect(cluster.generator()).toMatchObject({ state: 'done', totals: { pages: 0, records: 0 } });
    expect(apps.submitted).toEqual([]);
  });

  it('keeps the number of a page that its filter emptied, and counts what was dropped', async () => {
    apps.records = [...numbered(5).map((r) => ({ ...r, drop: true })), ...numbered(5)];
    await cluster.executor();
    await cluster.startRun(testPlan());
    await cluster.drained();
    expect(apps.submitted.map(({ page }) => page)).toEqual([1]);
    expect(cluster.generator()?.totals).toEqual({ pages: 1, records: 5, ignored: 5, failed: 0 });
    expect(cluster.ledger()).toEqual({ generated: 1, forked: 0, finished: 1 });
  });

  it('stops after the limit of a test export', async () => {
    apps.records = numbered(100);
    await cluster.executor();
    await cluster.startRun(
      testPlan((plan) => ({
        ...plan,
        exports: { ...plan.exports, [ids.export]: { ...plan.exports[ids.export]!, type: 'test', test: { limit: 7 } } },
      })),
    );
    await cluster.drained();
    expect(apps.delivered).toHaveLength(7);
    expect(apps.reads).toBe(1);
  });

  it('turns refused records into errors with deterministic ids and retry data', async () => {
    apps.records = numbered(12);
    apps.refuse = (record) => (record as { n: number }).n % 6 === 0;
    await cluster.executor();
    await cluster.startRun(testPlan());
    await cluster.drained();
    expect(cluster.counts(ids.import)).toEqual({ success: 10, error: 2, ignore: 0 });
    expect(
      cluster.errors.map(({ page, index, retryRecord, failure }) => [page, index, retryRecord, failure.code]),
    ).toEqual([
      [0, 0, { n: 0 }, '422'],
      [1, 1, { n: 6 }, '422'],
    ]);
    for (const { errorId } of cluster.errors) expect(errorId).toMatch(/^[0-9a-f]{24}$/);
  });

  it('stores large retry records as blobs, named by their events', async () => {
    apps.records = [{ text: 'x'.repeat(100_000) }];
    apps.refuse = () => true;
    await cluster.executor();
    await cluster.startRun(testPlan());
    await cluster.drained();
    const [error] = cluster.errors;
    expect(error).toMatchObject({ retryRecord: null, retryBlob: `retry/${ids.run}/${error?.errorId}` });
    expect(JSON.parse(Buffer.from(cluster.blobs.get(error!.retryBlob!)!).toString())).toEqual(apps.records[0]);
  });

  it('carries pages over checkpoints: one message per position, each counted as forked', async () => {
    apps.records = numbered(20);
    await cluster.executor();
    await cluster.startRun(
      testPlan((plan) => ({
        ...plan,
        flow: {
          ...plan.flow,
          pageProcessors: [
            { type: 'import', _importId: ids.import },
            { type: 'import', _importId: ids.secondImport },
          ],
        },
      })),
    );
    await cluster.drained();
    expect(cluster.counts(ids.import).success).toBe(20);
    expect(cluster.counts(ids.secondImport).success).toBe(20);
    expect(cluster.ledger()).toEqual({ generated: 4, forked: 4, finished: 8 });
  });

  it('runs generators one after another, each announced before the one before it is gone', async () => {
    apps.records = numbered(8);
    await cluster.executor();
    await cluster.startRun(
      testPlan((plan) => ({
        ...plan,
        flow: { ...plan.flow, pageGenerators: [{ _exportId: ids.export }, { _exportId: ids.secondExport }] },
      })),
    );
    await cluster.drained();
    expect(cluster.generator(0)).toMatchObject({ exportId: ids.export, state: 'done', totals: { records: 8 } });
    expect(cluster.generator(1)).toMatchObject({ exportId: ids.secondExport, state: 'done', totals: { records: 8 } });
    expect(apps.delivered).toHaveLength(16);
  });

  it('processes what was read before the source failed, and ends the generator as failed (decision 4)', async () => {
    apps.records = numbered(12);
    apps.sourceFailure = { code: '500', message: 'boom', source: 'application' };
    await cluster.executor();
    await cluster.startRun(testPlan());
    await cluster.drained();
    expect(apps.delivered).toHaveLength(12);
    expect(cluster.generator()).toMatchObject({ state: 'failed', totals: { records: 12 } });
    expect(cluster.errors).toEqual([
      expect.objectContaining({
        stepId: ids.export,
        page: -1,
        index: -1,
        retryRecord: null,
        failure: expect.objectContaining({ code: '500', message: 'boom (after 3 pages, 12 records)' }),
      }),
    ]);
  });

  it('reports records that could not be read, and goes on without them', async () => {
    apps.records = numbered(20);
    apps.unreadable.set(0, { code: 'record_too_large', message: 'big', source: 'internal' });
    apps.unreadable.set(1, { code: 'parse_error', message: 'half', source: 'resource' });
    await cluster.executor();
    await cluster.startRun(testPlan());
    await cluster.drained();
    expect(cluster.errors.map(({ failure }) => failure.code).sort()).toEqual(['parse_error', 'record_too_large']);
    expect(cluster.generator()?.totals).toEqual({ pages: 4, records: 20, ignored: 0, failed: 2 });
  });

  it('refuses a plan it cannot execute, as a failed generator', async () => {
    await cluster.executor();
    await cluster.startRun(
      testPlan((plan) => ({
        ...plan,
        imports: { [ids.import]: { ...plan.imports[ids.import]!, adaptorType: 'RDBMSImport' } },
      })),
    );
    await cluster.drained();
    expect(cluster.generator()).toMatchObject({ state: 'failed' });
    expect(cluster.errors[0]?.failure.code).toBe('not_supported');
  });

  it('sends poison messages to the dead letters and keeps going', async () => {
    await cluster.executor();
    const bus = cluster.broker.connect();
    await bus.publish([
      { queue: 'work.page', key: ids.run, id: 'poison', headers: { millrace: '{"v":9}' }, body: new Uint8Array() },
      { queue: 'work.generate', key: ids.run, id: 'poison', body: new Uint8Array() },
    ]);
    await cluster.drained();
    expect(cluster.broker.letters).toHaveLength(2);
  });

  it('hints the scheduler when nothing of the run is held any more', async () => {
    await cluster.executor();
    await cluster.startRun(testPlan());
    await cluster.drained();
    await eventually('a hint was sent', () => cluster.broker.signals.some(({ topic }) => topic === 'work.acked'));
    expect(cluster.broker.signals.find(({ topic }) => topic === 'work.acked')?.payload).toBe(ids.run);
    expect(cluster.kinds()).not.toContain('finished');
  });

  it('says itself that a run of one bundle is over, behind all of its results, and then nobody needs a hint', async () => {
    apps.records = numbered(5);
    await cluster.executor();
    await cluster.startRun(testPlan());
    await cluster.drained();
    expect(cluster.kinds()).toEqual(['pages', 'generator', 'finished']);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(cluster.broker.signals.filter(({ topic }) => topic === 'work.acked')).toEqual([]);
  });

  describe('when a first slice is offered', () => {
    const published = (bus: { publish: unknown }): string[] => {
      const ids: string[] = [];
      const publish = (bus.publish as (messages: readonly { id: string }[]) => Promise<void>).bind(bus);
      bus.publish = async (messages: readonly { id: string }[]) => {
        ids.push(...messages.map(({ id }) => id));
        return publish(messages);
      };
      return ids;
    };

    it('reads it, and the queue never holds it', async () => {
      apps.records = numbered(5);
      const { bus } = await cluster.executor();
      const queued = published(bus);
      await cluster.offerRun(testPlan());
      await eventually('the run is over', () => cluster.kinds().includes('finished'));
      await cluster.drained();
      expect(cluster.counts(ids.import)).toEqual({ success: 5, error: 0, ignore: 0 });
      expect(cluster.ledger()).toEqual({ generated: 1, forked: 0, finished: 1 });
      expect(queued).toEqual([]);
    });

    it('does not read the row of a run of which the offer says everything', async () => {
      apps.records = numbered(5);
      await cluster.executor();
      cluster.store.jobs.getAny = () => Promise.reject(new Error('nobody should ask'));
      await cluster.offerRun(testPlan(), { job: { startedAt: new Date().toISOString() } });
      await eventually('the run is over', () => cluster.kinds().includes('finished'));
      expect(cluster.counts(ids.import).success).toBe(5);
    });

    it('says itself that a run is over whose source had nothing', async () => {
      await cluster.executor();
      await cluster.offerRun(testPlan());
      await eventually('the run is over', () => cluster.kinds().includes('finished'));
      expect(cluster.kinds()).toEqual(['generator', 'finished']);
      expect(cluster.generator()).toMatchObject({ state: 'done', totals: { pages: 0, records: 0 } });
    });

    it('leaves that to the scheduler when another generator follows', async () => {
      await cluster.executor();
      await cluster.offerRun(
        testPlan((plan) => ({
          ...plan,
          flow: { ...plan.flow, pageGenerators: [{ _exportId: ids.export }, { _exportId: ids.secondExport }] },
        })),
      );
      await eventually('both have ended', () => cluster.generator(1)?.state === 'done');
      await cluster.drained();
      expect(cluster.kinds()).not.toContain('finished');
    });

    it('puts it on the queue when it cannot read it now', async () => {
      apps.records = numbered(5);
      const { bus, pool } = await cluster.executor();
      const queued = published(bus);
      const worker = pool.worker(0);
      const readSlice = worker.readSlice.bind(worker);
      let tries = 0;
      worker.readSlice = async (task) => {
        tries += 1;
        if (tries === 1) throw new Error('the worker died');
        return readSlice(task);
      };
      await cluster.offerRun(testPlan());
      await eventually('the run is over', () => cluster.kinds().includes('finished'));
      expect(queued).toEqual([`${ids.run}/0/0`]);
      expect(cluster.counts(ids.import).success).toBe(5);
    });

    it('says while it reads that the run is in its hands', async () => {
      apps.records = numbered(5);
      let release = (): void => undefined;
      apps.beforeChunk = () => new Promise((resolve) => (release = resolve));
      await cluster.executor('executor-1', { leaseMs: 60 });
      await cluster.offerRun(testPlan());
      const signs = (): number => cluster.broker.signals.filter(({ topic }) => topic === 'work.held').length;
      await eventually('signs of life', () => signs() >= 2);
      release();
      await eventually('the run is over', () => cluster.kinds().includes('finished'));
    });
  });

  describe('when an offered first slice is all there is of its run', () => {
    const messages = (bus: { publishAtomic: unknown }): string[] => {
      const ids: string[] = [];
      const publish = (bus.publishAtomic as (messages: readonly { id: string }[]) => Promise<unknown>).bind(bus);
      bus.publishAtomic = async (batch: readonly { id: string }[]) => {
        ids.push(...batch.map(({ id }) => id));
        return publish(batch);
      };
      return ids;
    };
    const isOver = (): Promise<void> =>
      eventually('the run is over', () => cluster.generator()?.state === 'done' && cluster.ledger().finished > 0);

    beforeEach(() => {
      apps.isRepeatable = true;
      apps.records = numbered(5);
    });

    it('runs its pages where they were read, and no queue ever holds them', async () => {
      apps.records = numbered(12);
      const { bus } = await cluster.executor();
      const stored = messages(bus);
      await cluster.offerRun(testPlan());
      await isOver();
      expect(stored).toEqual([]);
      expect(cluster.kinds()).toEqual(['pages', 'generator', 'finished']);
      expect(cluster.counts(ids.import)).toEqual({ success: 12, error: 0, ignore: 0 });
      expect(cluster.ledger()).toEqual({ generated: 3, forked: 0, finished: 3 });
    });

    it('reports what a destination refused, with retry data', async () => {
      apps.refuse = (record) => (record as { n: number }).n === 3;
      await cluster.executor();
      await cluster.offerRun(testPlan());
      await isOver();
      expect(cluster.errors.map(({ index, retryRecord }) => [index, retryRecord])).toEqual([[3, { n: 3 }]]);
      expect(cluster.counts(ids.import)).toEqual({ success: 4, error: 1, ignore: 0 });
    });

    it.each<[string, { apps?: (of: TestApps) => void; flow?: Partial<FlowPlan['flow']> }]>([
      ['cannot be read again', { apps: (of) => (of.isRepeatable = false) }],
      ['could not be read in part', { apps: (of) => of.unreadable.set(0, unreadable) }],
      ['is more than a small message', { apps: (of) => (of.records = large) }],
      [
        'goes on from a checkpoint',
        { flow: { pageProcessors: [importInto(ids.import), importInto(ids.secondImport)] } },
      ],
      [
        'is followed by another generator',
        { flow: { pageGenerators: [{ _exportId: ids.export }, { _exportId: ids.secondExport }] } },
      ],
    ])('stores the pages first where what was read %s', async (_reason, given) => {
      given.apps?.(apps);
      const { bus } = await cluster.executor();
      const stored = messages(bus);
      await cluster.offerRun(testPlan((plan) => ({ ...plan, flow: { ...plan.flow, ...given.flow } })));
      await isOver();
      await cluster.drained();
      expect(stored[0]).toBe(`${ids.run}/0/p0`);
      expect(apps.delivered.length).toBeGreaterThanOrEqual(apps.records.length);
    });

    describe('and its executor dies before the result is stored', () => {
      /** The first executor hangs in its request and dies; the scheduler publishes what was offered; another takes it. */
      async function died(meanwhile: () => void): Promise<void> {
        let release: (() => void) | null = null;
        apps.beforeSubmit = () => new Promise((resolve) => (release = resolve));
        const first = await cluster.executor('executor-1');
        await cluster.offerRun(testPlan());
        await eventually('the request hangs', () => release !== null);
        first.kill();
        apps.beforeSubmit = async () => undefined;
        meanwhile();
        await cluster.executor('executor-2');
        await cluster.queueRun(testPlan());
        await isOver();
        await cluster.drained();
        // What the dead one had sent arrives nevertheless.
        release!();
        await eventually('both have sent', () => apps.submitted.length === 2);
      }

      it('reads again, and sends the same records under the same names (P1, P2)', async () => {
        await died(() => undefined);
        const [again, dead] = apps.submitted;
        expect(again).toEqual(dead);
        expect(again!.content).toMatch(/^[0-9a-f]{32}$/);
        expect(cluster.counts(ids.import)).toEqual({ success: 5, error: 0, ignore: 0 });
        expect(cluster.ledger()).toEqual({ generated: 1, forked: 0, finished: 1 });
      });

      it('gives other names to other records, so that no destination takes them for what it has', async () => {
        await died(() => void (apps.records = numbered(6).slice(1)));
        const [again, dead] = apps.submitted;
        expect(again!.indices).toEqual(dead!.indices);
        expect(again!.content).not.toBe(dead!.content);
      });
    });

    it('counts once what two readings did, when the first was only thought dead (P3)', async () => {
      let release = (): void => undefined;
      const slow = new Promise<void>((resolve) => (release = resolve));
      let requests = 0;
      apps.beforeSubmit = () => (++requests === 1 ? slow : Promise.resolve());
      await cluster.executor();
      await cluster.offerRun(testPlan());
      await eventually('the request is on its way', () => requests === 1);
      await cluster.queueRun(testPlan());
      await isOver();
      release();
      await eventually('both have reported', () => cluster.kinds().filter((kind) => kind === 'pages').length === 2);
      expect(cluster.counts(ids.import)).toEqual({ success: 5, error: 0, ignore: 0 });
      expect(cluster.ledger()).toEqual({ generated: 1, forked: 0, finished: 1 });
    });

    it('puts the slice on the queue when its results cannot be stored', async () => {
      await cluster.executor();
      const produce = cluster.stream.produce.bind(cluster.stream);
      let tries = 0;
      cluster.stream.produce = async (...event) => {
        tries += 1;
        if (tries === 1) throw new Error('the stream is away');
        return produce(...event);
      };
      await cluster.offerRun(testPlan());
      await isOver();
      await cluster.drained();
      expect(apps.submitted.map(({ content }) => content)).toEqual([
        apps.submitted[0]!.content,
        apps.submitted[0]!.content,
      ]);
      expect(cluster.counts(ids.import).success).toBe(5);
    });
  });

  describe('when processes die', () => {
    it('finishes the run elsewhere, losing nothing and repeating at most the pages under way (P1, P2)', async () => {
      apps.records = numbered(200);
      let release = (): void => undefined;
      const stuck = new Promise<void>((resolve) => (release = resolve));
      let blocked = 0;
      apps.beforeSubmit = async ({ page }) => {
        if (page < 10 || blocked >= 3) return;
        blocked += 1;
        await stuck;
      };
      const first = await cluster.executor('executor-1');
      await cluster.startRun(testPlan());
      await eventually('three pages hang', () => blocked === 3);
      first.kill();
      await cluster.executor('executor-2');
      await cluster.drained();
      release();
      const seen = new Set(apps.delivered.map((r) => (r as { n: number }).n));
      expect(seen.size).toBe(200);
      expect(cluster.counts(ids.import)).toEqual({ success: 200, error: 0, ignore: 0 });
      expect(cluster.ledger()).toEqual({ generated: 40, forked: 0, finished: 40 });
    });

    it('uses the broker copy when the worker that held the pages is gone', async () => {
      apps.records = numbered(50);
      const { pool } = await cluster.executor();
      let isLost = false;
      apps.beforeChunk = async (at) => {
        if (at !== 20 || isLost) return;
        isLost = true;
        pool.lose(0);
      };
      await cluster.startRun(testPlan());
      await cluster.drained();
      expect(cluster.counts(ids.import).success).toBe(50);
    });

    it('drops a slice that was published before, without reporting it again', async () => {
      apps.records = numbered(10);
      const { bus } = await cluster.executor();
      const publishAtomic = bus.publishAtomic.bind(bus);
      let calls = 0;
      bus.publishAtomic = async (messages) => {
        const outcome = await publishAtomic(messages);
        calls += 1;
        // The answer got lost: the slice is delivered again.
        if (calls === 1) throw new Error('connection lost');
        return outcome;
      };
      await cluster.startRun(testPlan());
      await cluster.drained();
      expect(cluster.counts(ids.import).success).toBe(10);
      expect(cluster.generator()).toMatchObject({ state: 'done', totals: { pages: 2, records: 10 } });
      expect(calls).toBe(2);
    });

    it('gives up a page after too many deliveries, with an error and retry data for every record', async () => {
      apps.records = numbered(10);
      const { pool } = await cluster.executor('executor-1', { maxAttempts: 2 });
      const worker = pool.worker(0);
      worker.runBundle = async () => {
        throw new Error('the worker died');
      };
      await cluster.startRun(testPlan());
      await cluster.drained();
      expect(cluster.counts(ids.import)).toEqual({ success: 0, error: 10, ignore: 0 });
      expect(cluster.errors.map(({ retryRecord }) => retryRecord)).toEqual(numbered(10));
      expect(cluster.errors[0]?.failure.code).toBe('delivery_attempts_exhausted');
      expect(cluster.ledger()).toEqual({ generated: 2, forked: 0, finished: 2 });
    });
  });

  describe('when a run is canceled', () => {
    it('sends no new request, ends the generator as canceled, and counts nothing that was not sent (decision 6)', async () => {
      apps.records = numbered(1_000);
      let release = (): void => undefined;
      const hold = new Promise<void>((resolve) => (release = resolve));
      apps.beforeChunk = (at) => (at >= 500 ? hold : Promise.resolve());
      await cluster.executor();
      await cluster.startRun(testPlan());
      await eventually('pages were delivered', () => apps.delivered.length >= 100);
      await cluster.store.jobs.cancel(ids.account, ids.run, 'somebody');
      cluster.broker.connect().signal('run.canceled', ids.run);
      await new Promise((resolve) => setTimeout(resolve, 20));
      const sentAtCancel = apps.delivered.length;
      release();
      await cluster.drained();
      expect(apps.delivered.length).toBe(sentAtCancel);
      expect(cluster.generator()).toMatchObject({ state: 'canceled' });
      expect(cluster.counts(ids.import)).toEqual({ success: sentAtCancel, error: 0, ignore: 0 });
    });
  });

  it('counts what was sent when a cancel came before its answer, errors included (decision 6)', async () => {
    apps.records = numbered(5);
    apps.refuse = (record) => (record as { n: number }).n === 3;
    let release = (): void => undefined;
    const answered = new Promise<void>((resolve) => (release = resolve));
    let isSent = false;
    apps.beforeSubmit = () => {
      isSent = true;
      return answered;
    };
    await cluster.executor();
    await cluster.startRun(testPlan());
    await eventually('the page is sent', () => isSent);
    await cluster.store.jobs.cancel(ids.account, ids.run, 'somebody');
    cluster.broker.connect().signal('run.canceled', ids.run);
    await new Promise((resolve) => setTimeout(resolve, 20));
    release();
    await cluster.drained();
    expect(cluster.counts(ids.import)).toEqual({ success: 4, error: 1, ignore: 0 });
    expect(cluster.errors).toMatchObject([{ index: 3, retryRecord: { n: 3 } }]);
  });

  describe('when it drains', () => {
    it('finishes what is under way and leaves the rest to others', async () => {
      apps.records = numbered(500);
      const first = await cluster.executor('executor-1');
      await cluster.startRun(testPlan());
      await eventually('some pages went through', () => apps.submitted.length > 3);
      await first.executor.drain(5_000);
      expect(await first.executor.isReady()).toBe(false);
      expect(first.executor.stats()).toMatchObject({ pages: 0, generators: 0 });
      await cluster.executor('executor-2');
      await cluster.drained();
      expect(apps.delivered).toHaveLength(500);
      expect(cluster.counts(ids.import).success).toBe(500);
    });
  });
});
