import { describe, expect, it } from '@jest/globals';
import { newId } from '#model';
import { manual, startRun } from './builders.js';
import type { Stores } from './fixture.js';

const instant = '2030-01-02T03:04:00.000Z';

export function firingClauses(stores: Stores): void {
  describe('firings', () => {
    it('fires once, however many leaders there are for a moment', async () => {
      const flowId = newId();
      const key = `${flowId}@${instant}`;
      const outcomes = await Promise.all(
        Array.from({ length: 12 }, (_, i) =>
          (i % 2 ? stores.store : stores.other).firings.fire(key, instant, manual({ flowId, triggeredBy: 'schedule' })),
        ),
      );
      expect(outcomes.filter((outcome) => outcome === 'fired')).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === 'duplicate')).toHaveLength(11);
    });

    it('stores the job with the firing', async () => {
      const run = manual({ triggeredBy: 'schedule' });
      expect(await stores.store.firings.fire(`${run.flowId}@${instant}`, instant, run)).toBe('fired');
      expect(await stores.store.jobs.getAny(run.jobId)).toMatchObject({ status: 'queued', triggeredBy: 'schedule' });
    });

    it('fires different flows at one instant, all of them', async () => {
      const runs = Array.from({ length: 200 }, () => manual({ triggeredBy: 'schedule' }));
      const outcomes = await Promise.all(
        runs.map((run, i) =>
          (i % 2 ? stores.store : stores.other).firings.fire(`${run.flowId}@${instant}`, instant, run),
        ),
      );
      expect(new Set(outcomes)).toEqual(new Set(['fired']));
    });

    it.each(['queued', 'running'] as const)('skips a flow that has a %s run, and stays skipped', async (status) => {
      const run = manual();
      if (status === 'queued') await stores.store.jobs.enqueue(run);
      else await startRun(stores.store, run);
      const scheduled = manual({ flowId: run.flowId, accountId: run.accountId, triggeredBy: 'schedule' });
      const key = `${run.flowId}@${instant}`;
      expect(await stores.store.firings.fire(key, instant, scheduled)).toBe('skipped');
      expect(await stores.store.jobs.getAny(scheduled.jobId)).toBeNull();
      expect(await stores.store.firings.fire(key, instant, scheduled)).toBe('duplicate');
    });

    it('fires beside active runs of a flow that allows several', async () => {
      const { flowId, accountId } = await startRun(stores.store, { maxConcurrentRuns: 2 });
      const fire = (at: string) =>
        stores.store.firings.fire(`${flowId}@${at}`, at, manual({ flowId, accountId, maxConcurrentRuns: 2 }));
      expect(await fire('2030-01-02T03:05:00.000Z')).toBe('fired');
      expect(await fire('2030-01-02T03:06:00.000Z')).toBe('skipped');
    });

    it('knows the latest firing of a flow and of each generator, skipped ones included', async () => {
      const [flowId, exportId] = [newId(), newId()];
      const { firings } = stores.store;
      const fire = (generator: string, at: string) =>
        firings.fire(`${flowId}${generator}@${at}`, at, manual({ flowId }));
      expect(await firings.last(flowId, null)).toBeNull();
      expect(await fire('', '2030-01-01T00:00:00.000Z')).toBe('fired');
      expect(await fire('', '2030-01-03T00:00:00.000Z')).toBe('skipped');
      expect(await fire('', '2030-01-02T00:00:00.000Z')).toBe('skipped');
      expect(await fire(`/${exportId}`, '2030-01-09T00:00:00.000Z')).toBe('skipped');
      expect(await firings.last(flowId, null)).toBe('2030-01-03T00:00:00.000Z');
      expect(await firings.last(flowId, exportId)).toBe('2030-01-09T00:00:00.000Z');
      expect(await firings.last(flowId, newId())).toBeNull();
    });
  });

  describe('checkpoints', () => {
    it('advance and never go backwards', async () => {
      const [accountId, flowId, exportId] = [newId(), newId(), newId()];
      const { checkpoints } = stores.store;
      expect(await checkpoints.get(flowId, exportId)).toBeNull();
      expect(await checkpoints.latest(flowId)).toBeNull();
      await checkpoints.advance(accountId, flowId, exportId, '2030-01-02T00:00:00.123Z');
      await checkpoints.advance(accountId, flowId, exportId, '2030-01-01T00:00:00.000Z');
      expect(await checkpoints.get(flowId, exportId)).toBe('2030-01-02T00:00:00.123Z');
    });

    it('show the latest of a flow', async () => {
      const [accountId, flowId] = [newId(), newId()];
      const { checkpoints } = stores.store;
      await checkpoints.advance(accountId, flowId, newId(), '2030-01-02T00:00:00.000Z');
      await checkpoints.advance(accountId, flowId, newId(), '2030-01-03T00:00:00.000Z');
      await checkpoints.advance(accountId, newId(), newId(), '2030-01-04T00:00:00.000Z');
      expect(await checkpoints.latest(flowId)).toBe('2030-01-03T00:00:00.000Z');
    });
  });
}
