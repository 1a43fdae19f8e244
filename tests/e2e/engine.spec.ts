import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { childOf } from '../support/api.js';
import { Standalone } from '../support/standalone.js';
import { createWorkshopFlow, expectedOf, Workshop } from '../support/workshop.js';

const totalEach = 1_010;

describe('a flow with every kind of step and hook', () => {
  let millrace: Standalone;
  let workshop: Workshop;

  beforeAll(async () => {
    [millrace, workshop] = await Promise.all([Standalone.start(), Workshop.open(totalEach)]);
  });
  afterAll(async () => {
    await Promise.all([millrace?.stop(), workshop?.close()]);
  });

  it('shapes, looks up, routes and imports as configured, and counts exactly', async () => {
    const { api } = millrace;
    const flow = await createWorkshopFlow(api, workshop);
    const expected = expectedOf(totalEach);
    const job = await api.finished(await api.run(flow.flowId));
    expect(job).toMatchObject({ status: 'completed' });
    for (const side of ['left', 'right'] as const) {
      expect(childOf(job, flow.exportIds[side])).toMatchObject(expected.generators[side]);
    }
    expect(childOf(job, flow.lookupId)).toMatchObject(expected.lookup);
    for (const bench of ['large', 'all'] as const) {
      expect(childOf(job, flow.importIds[bench])).toMatchObject(expected.imports[bench]);
      expect(workshop.storedOn(bench).map(({ id }) => id)).toEqual(expected.sent[bench]);
    }
    expect(job.routers?.map(({ branches }) => branches.map(({ numRecords }) => numRecords))).toEqual(expected.branches);
    const errors = await api.errors(flow.flowId, flow.importIds.all);
    expect(new Set(errors.map(({ code, source }) => `${code} ${source}`))).toEqual(
      new Set(['refused_part application']),
    );
    const unknown = await api.errors(flow.flowId, flow.lookupId);
    expect(unknown[0]).toMatchObject({ code: 'unknown_part', source: 'pre_save_page_hook' });
  });
});
