import { describe, expect, it } from '@jest/globals';
import { newId } from '#model';
import type { TestRunRow } from '#store';
import type { Stores } from './fixture.js';

const startMs = Date.parse('2026-06-01T00:00:00.000Z');

/** @param nth run of its account; ids are in the order of time */
const runOf = (nth: number, row: Partial<TestRunRow> = {}): TestRunRow => ({
  accountId: newId(),
  flowId: newId(),
  runId: newId(startMs + nth * 1000),
  purgeAt: '2036-06-01T00:00:00.000Z',
  steps: [{ stepId: 'a', stages: [{ name: 'parse', output: ['zero \0 and half \ud800', { b: 1, a: null }] }] }],
  ...row,
});

export function testRunClauses(stores: Stores): void {
  const find = ({ accountId, flowId, runId }: TestRunRow, stepId = 'a') =>
    stores.store.testRuns.stages(accountId, flowId, runId, stepId);

  describe('test runs', () => {
    it('give the stages of their steps back as they were', async () => {
      const run = runOf(0, { steps: [...runOf(0).steps, { stepId: 'router \0', stages: [] }] });
      await stores.store.testRuns.keep(run, 10);
      expect(JSON.stringify(await find(run))).toBe(JSON.stringify(run.steps[0]!.stages));
      expect(await find(run, 'router \0')).toEqual([]);
      expect(await find(run, 'other')).toBeNull();
    });

    it('belong to their account and flow', async () => {
      const run = runOf(0);
      await stores.store.testRuns.keep(run, 10);
      expect(await find({ ...run, accountId: newId() })).toBeNull();
      expect(await find({ ...run, flowId: newId() })).toBeNull();
    });

    it('are forgotten beyond the newest of their account', async () => {
      const accountId = newId();
      const runs = [0, 1, 2].map((nth) => runOf(nth, { accountId }));
      const other = runOf(0);
      for (const run of [other, ...runs]) await stores.store.testRuns.keep(run, 2);
      expect((await Promise.all(runs.map((run) => find(run)))).map((stages) => stages === null)).toEqual([
        true,
        false,
        false,
      ]);
      expect(await find(other)).not.toBeNull();
    });

    it('are purged when they are old', async () => {
      const run = runOf(0, { purgeAt: '2026-06-02T00:00:00.000Z' });
      await stores.store.testRuns.keep(run, 10);
      await stores.store.maintenance.purge(new Date('2026-06-01T23:00:00.000Z'), 1_000);
      expect(await find(run)).not.toBeNull();
      await stores.store.maintenance.purge(new Date('2026-06-02T01:00:00.000Z'), 1_000);
      expect(await find(run)).toBeNull();
    });
  });
}
