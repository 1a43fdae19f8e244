import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '#testing/postgres';
import { Consumer, errorOf, finishedOf, generatorOf, manual, pageOf, startRun } from '#testing/store/builders';
import type { Store } from '../ports.js';
import { createPostgresStore } from './postgres-store.js';

describe('the PostgreSQL store', () => {
  let database: TestDatabase;
  let store: Store;
  let admin: pg.Client;

  beforeEach(async () => {
    database = await createTestDatabase();
    store = await createPostgresStore({ connectionString: database.url, poolSize: 4 });
    admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
  });

  afterEach(async () => {
    await admin.end();
    await store.close();
    await database.drop();
  });

  const rowsIn = async (table: string) =>
    Number((await admin.query<{ rows: string }>(`select count(*) as rows from ${table}`)).rows[0]?.rows);

  it('goes on after the server dropped its connections', async () => {
    await Promise.all(Array.from({ length: 8 }, () => store.jobs.enqueue(manual())));
    await admin.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    const run = manual();
    // The statement that meets a dead connection fails; the one after it gets a new connection.
    await store.jobs.enqueue(run).catch(() => store.jobs.enqueue(run));
    expect((await store.jobs.getAny(run.jobId))?.status).toBe('queued');
    expect(await store.isReady()).toBe(true);
  });

  it('fails only the run whose data the database refuses', async () => {
    const runs = Array.from({ length: 10 }, () => manual());
    const bad = manual({ maxConcurrentRuns: 2 ** 40 });
    const mixed = [...runs.slice(0, 5), bad, ...runs.slice(5)];
    const results = await Promise.allSettled(mixed.map((run) => store.jobs.enqueue(run)));
    expect(results.map(({ status }) => status)).toEqual([
      ...Array<string>(5).fill('fulfilled'),
      'rejected',
      ...Array<string>(5).fill('fulfilled'),
    ]);
  });

  it('is not ready when the database is gone', async () => {
    const lost = await createTestDatabase();
    const orphan = await createPostgresStore({ connectionString: lost.url });
    await lost.drop();
    expect(await orphan.isReady()).toBe(false);
    await orphan.close();
  });

  it('refuses to start on a database that it cannot reach', async () => {
    const url = new URL(database.url);
    url.pathname = '/no_such_database_here';
    url.password = 'wrong';
    await expect(createPostgresStore({ connectionString: url.href })).rejects.toThrow();
  });

  describe('pruning', () => {
    const farFuture = new Date('2040-01-01T00:00:00Z');
    const content = (run: Awaited<ReturnType<typeof startRun>>) => ({
      pages: [pageOf(run, 0), pageOf(run, 1)],
      generators: [generatorOf(run, 2)],
      finished: [finishedOf(run)],
    });

    it('removes the ledger rows of ended runs and keeps their counts, also when results come again', async () => {
      const [ended, running] = [await startRun(store), await startRun(store)];
      const consumer = new Consumer(store);
      await consumer.apply(content(ended));
      await consumer.apply({ pages: [pageOf(running, 0)] });
      const before = await store.jobs.getAny(ended.runId);
      expect(await store.maintenance.prune(farFuture, 10)).toBe(1);
      expect(await store.maintenance.prune(farFuture, 10)).toBe(0);
      expect(await rowsIn('page_results')).toBe(1);
      expect(await rowsIn('generator_results')).toBe(0);
      expect(await consumer.apply(content(ended))).toEqual({ finalized: [], changed: [] });
      expect(await store.jobs.getAny(ended.runId)).toEqual(before);
      expect(await rowsIn('page_results')).toBe(1);
    });

    it('leaves runs alone that ended later than asked, and takes no more than asked', async () => {
      const consumer = new Consumer(store);
      for (let i = 0; i < 3; i++) await consumer.apply(content(await startRun(store)));
      expect(await store.maintenance.prune(new Date('2030-01-01T00:00:00Z'), 10)).toBe(0);
      expect(await store.maintenance.prune(farFuture, 2)).toBe(2);
      expect(await store.maintenance.prune(farFuture, 2)).toBe(1);
    });
  });

  it('purges what is past its time, and only that', async () => {
    const run = await startRun(store);
    const running = await startRun(store);
    const kept = { retryDataKey: 'kept', retryData: { data: 1 }, reqAndResKey: 'kept', exchange: { a: 1 } };
    const old = { ...kept, retryDataKey: 'old', reqAndResKey: 'old', purgeAt: '2029-01-01T00:00:00.000Z' };
    const consumer = new Consumer(store);
    await consumer.apply({ generators: [generatorOf(run, 0)], finished: [finishedOf(run)] });
    await consumer.apply({
      errors: [errorOf(run, { ...kept, purgeAt: '2099-01-01T00:00:00.000Z' }), errorOf(run, old)],
    });
    await store.documents.insert(run.accountId, 'exports', { _id: 'kept' });
    await store.documents.insert(run.accountId, 'exports', { _id: 'removed' });
    await store.documents.remove(run.accountId, 'exports', 'removed');

    const now = new Date('2050-01-01T00:00:00Z');
    while ((await store.maintenance.purge(now, 2)) > 0);
    expect(await Promise.all(['step_errors', 'retry_data', 'http_exchanges', 'documents'].map(rowsIn))).toEqual([
      1, 1, 1, 1,
    ]);
    expect(await store.jobs.getAny(run.runId)).toBeNull();
    expect((await store.jobs.getAny(running.runId))?.status).toBe('running');
  });
});
