import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '#testing/eventually';
import { childOf } from '../support/api.js';
import { Cluster } from '../support/cluster.js';
import { createWorkshopFlow, expectedOf, Workshop, type Bench } from '../support/workshop.js';

const totalEach = 50_000;

describe('a flow with every kind of step and hook, over 100,000 records', () => {
  let cluster: Cluster;
  let workshop: Workshop;

  beforeAll(async () => {
    workshop = await Workshop.open(totalEach);
    cluster = await Cluster.up();
  }, 120_000);
  afterAll(async () => {
    await cluster?.down();
    await workshop?.close();
  }, 120_000);

  it('survives the death of an executor with exact counts per step and branch', async () => {
    const { api } = cluster;
    const flow = await createWorkshopFlow(api, workshop);
    const expected = expectedOf(totalEach);
    const jobId = await api.run(flow.flowId);
    await eventually(
      'a third is imported',
      () => workshop.storedOn('all').length > expected.sent.all.length / 3,
      300_000,
    );
    await cluster.killAndRestart('executor-1', 1_000);
    const job = await api.finished(jobId, 400_000);

    expect(job.status).toBe('completed');
    for (const side of ['left', 'right'] as const) {
      expect(childOf(job, flow.exportIds[side])).toMatchObject({ ...expected.generators[side], numError: 0 });
    }
    expect(childOf(job, flow.lookupId)).toMatchObject({ ...expected.lookup, numIgnore: 0 });
    for (const bench of ['large', 'all'] as const) {
      expect(childOf(job, flow.importIds[bench])).toMatchObject(expected.imports[bench]);
    }
    expect(job.routers?.map(({ branches }) => branches.map(({ numRecords }) => numRecords))).toEqual(expected.branches);
    const sum = (count: 'numError' | 'numSuccess'): number =>
      expected.imports.large[count] + expected.imports.all[count];
    expect(job).toMatchObject({ numSuccess: sum('numSuccess'), numError: sum('numError') + expected.lookup.numError });

    for (const bench of ['large', 'all'] as const) expectStored(bench, expected.sent[bench]);
    process.stdout.write(`engine: ${workshop.repeatedRequests} requests were repeated under their first key\n`);
  }, 900_000);

  /** Also at a destination that heeds keys: every part once, through every hook. */
  function expectStored(bench: Bench, ids: readonly number[]): void {
    const stored = workshop.storedOn(bench);
    expect(stored.map(({ id }) => id)).toEqual(ids);
    const marks = ['postResponseMap', 'preMap', 'postMap'];
    expect(stored.every((part) => JSON.stringify(part.marks) === JSON.stringify(marks))).toBe(true);
    expect(stored.find(({ id }) => id === ids[7])).toEqual({
      id: ids[7],
      code: `P-${ids[7]}`,
      label: `part ${ids[7]}`,
      marks,
    });
  }
});
