import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '#testing/eventually';
import { childOf } from '../support/api.js';
import { Cluster } from '../support/cluster.js';
import { createBranchedFlow, Depot, expectedOn, shelves, type RoutingMode } from '../support/depot.js';

const total = 40_000;

describe('a run with routers whose executors are killed', () => {
  let cluster: Cluster;
  let depot: Depot;

  beforeAll(async () => {
    depot = await Depot.open(total);
    cluster = await Cluster.up();
  }, 120_000);
  afterAll(async () => {
    await cluster?.down();
    await depot.close();
  }, 120_000);
  afterEach(() => depot.requests.clear());

  it.each<RoutingMode>(['first_matching_branch', 'all_matching_branches'])(
    'loses nothing and counts every step and branch exactly (%s)',
    async (mode) => {
      const expected = expectedOn(total, mode);
      const on = (shelf: (typeof shelves)[number]): number => expected.shelves[shelf].length;
      const flow = await createBranchedFlow(cluster.api, depot, mode, { pageSize: 100, batchSize: 50 });
      const jobId = await cluster.api.run(flow.flowId);
      const kills: [string, number][] = [
        ['executor-1', 0.2],
        ['executor-2', 0.5],
      ];
      for (const [name, share] of kills) {
        await eventually(
          `${share * 100} % are in the archive`,
          () => depot.idsOn('archive').length >= on('archive') * share,
          120_000,
        );
        await cluster.killAndRestart(name, 500);
      }
      const job = await cluster.api.finished(jobId, 180_000);

      expect(job).toMatchObject({
        status: 'completed',
        numSuccess: on('large') + on('utrecht') + on('archive'),
        numError: 0,
        numIgnore: expected.ignored,
      });
      expect(childOf(job, flow.exportId)).toMatchObject({ numSuccess: total, numIgnore: 0 });
      for (const shelf of shelves) {
        expect(childOf(job, flow.importIds[shelf])).toMatchObject({ numSuccess: on(shelf), numError: 0 });
        // Also at a destination that heeds keys: every record came under as many keys as it has copies.
        expect(depot.idsOn(shelf)).toEqual(expected.shelves[shelf]);
      }
      expect(
        job.routers?.map(({ numIgnore, numError, branches }) => [
          numIgnore,
          numError,
          branches.map(({ numRecords }) => numRecords),
        ]),
      ).toEqual([
        [expected.ignored, 0, [on('large'), on('utrecht'), expected.few]],
        [0, 0, [on('archive')]],
      ]);
      process.stdout.write(`${mode}: ${depot.repeatedRequests} requests were repeated under their first key\n`);
    },
    400_000,
  );
});
