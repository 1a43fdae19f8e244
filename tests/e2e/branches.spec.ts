import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { childOf } from '../support/api.js';
import { createBranchedFlow, Depot, expectedOn, shelves, type RoutingMode } from '../support/depot.js';
import { Standalone } from '../support/standalone.js';

const total = 1_003;

describe('a flow with two routers, three branches and a merge', () => {
  let millrace: Standalone;
  let depot: Depot;

  beforeAll(async () => {
    [millrace, depot] = await Promise.all([Standalone.start(), Depot.open(total)]);
  });
  afterAll(async () => {
    await Promise.all([millrace?.stop(), depot?.close()]);
  });
  afterEach(() => {
    depot.requests.clear();
    depot.refuse = () => false;
  });

  it.each<RoutingMode>(['first_matching_branch', 'all_matching_branches'])(
    'delivers by %s, and counts every step, router and branch exactly',
    async (mode) => {
      const { api } = millrace;
      const flow = await createBranchedFlow(api, depot, mode, { pageSize: 40, batchSize: 10 });
      const job = await api.finished(await api.run(flow.flowId));
      const expected = expectedOn(total, mode);

      for (const shelf of shelves) expect(depot.idsOn(shelf)).toEqual(expected.shelves[shelf]);
      const on = (shelf: (typeof shelves)[number]): number => expected.shelves[shelf].length;
      expect(job).toMatchObject({
        status: 'completed',
        numSuccess: on('large') + on('utrecht') + on('archive'),
        numError: 0,
        numIgnore: expected.ignored,
      });
      expect(childOf(job, flow.exportId)).toMatchObject({ numSuccess: total, numError: 0, numIgnore: 0 });
      for (const shelf of shelves) {
        expect(childOf(job, flow.importIds[shelf])).toMatchObject({
          status: 'completed',
          numSuccess: on(shelf),
          numError: 0,
          numIgnore: 0,
        });
      }
      expect(job.routers).toEqual([
        {
          id: 'shelf',
          name: 'Which shelf?',
          numSuccess: total - expected.ignored,
          numError: 0,
          numIgnore: expected.ignored,
          branches: [
            { branchId: expect.any(String), name: 'large', numRecords: on('large') },
            { branchId: expect.any(String), name: 'utrecht', numRecords: on('utrecht') },
            { branchId: expect.any(String), name: 'few', numRecords: expected.few },
          ],
        },
        {
          id: 'archive',
          numSuccess: on('archive'),
          numError: 0,
          numIgnore: 0,
          branches: [{ branchId: expect.any(String), name: 'all', numRecords: on('archive') }],
        },
      ]);
      expect(depot.repeatedRequests).toBe(0);
    },
  );

  it('stores an error for each copy of a record that the step behind the merge refuses', async () => {
    const { api } = millrace;
    // Large and from Utrecht: two copies of it arrive in the archive.
    depot.refuse = (shelf, id) => shelf === 'archive' && id === 8;
    const flow = await createBranchedFlow(api, depot, 'all_matching_branches', { pageSize: 100, batchSize: 100 });
    const job = await api.finished(await api.run(flow.flowId));
    const archived = expectedOn(total, 'all_matching_branches').shelves.archive.length;
    expect(childOf(job, flow.importIds.archive)).toMatchObject({ numSuccess: archived - 2, numError: 2 });
    const errors = await api.errors(flow.flowId, flow.importIds.archive);
    expect(errors.map(({ traceKey, message }) => [traceKey, message])).toEqual([
      ['8', '8 refused'],
      ['8', '8 refused'],
    ]);
  });

  it('stores what cannot be routed as errors of the generator, with source routing', async () => {
    const { api } = millrace;
    const flow = await createBranchedFlow(api, depot, 'first_matching_branch', { pageSize: 100, batchSize: 100 });
    const document = await api.call<{ routers: { branches: { inputFilter?: object }[] }[] }>(
      'GET',
      `/v1/flows/${flow.flowId}`,
    );
    // The pattern comes from the record, and is malformed: no item can be judged.
    document.routers[0]!.branches[0]!.inputFilter = { version: '1', rules: ['matches', 'x', ['extract', 'pattern']] };
    await api.call('PUT', `/v1/flows/${flow.flowId}`, document);
    await api.call('PUT', `/v1/exports/${flow.exportId}`, {
      ...(await api.call<object>('GET', `/v1/exports/${flow.exportId}`)),
      transform: {
        type: 'expression',
        expression: {
          version: '2',
          rulesTwoDotZero: {
            mode: 'modify',
            mappings: [{ generate: 'pattern', dataType: 'string', hardCodedValue: '(', status: 'Active' }],
          },
        },
      },
    });
    depot.total = 30;
    const job = await api.finished(await api.run(flow.flowId));
    depot.total = total;
    expect(job).toMatchObject({ status: 'completed', numSuccess: 0, numError: 30, numOpenError: 30, numIgnore: 0 });
    expect(childOf(job, flow.exportId)).toMatchObject({ numSuccess: 30, numError: 30 });
    expect(job.routers?.[0]).toMatchObject({ numSuccess: 0, numError: 30, numIgnore: 0 });
    const errors = await api.errors(flow.flowId, flow.exportId);
    expect(errors).toHaveLength(30);
    expect(new Set(errors.map(({ source }) => source))).toEqual(new Set(['routing']));
    const data = await api.call('GET', `/v1/flows/${flow.flowId}/${flow.exportId}/${errors[0]!.retryDataKey}/data`);
    expect(data).toMatchObject({ stage: 'router', routerId: 'shelf', data: { pattern: '(' } });
  });

  it('follows a script, and stores the records that it throws at', async () => {
    const { api } = millrace;
    const flow = await createBranchedFlow(api, depot, 'all_matching_branches', { pageSize: 100, batchSize: 100 });
    const content = `function route({ record, settings }) {
      if (record.id === 3) throw new Error('not three');
      return record.id % 2 === 0 ? ['utrecht', 0] : record.id === 1 ? [] : settings.flow.odd;
    }`;
    const _scriptId = await api.create('scripts', { name: 'Route', content });
    const document = await api.call<{ routers: object[] }>('GET', `/v1/flows/${flow.flowId}`);
    const routers = [
      { ...document.routers[0], routeRecordsUsing: 'script', script: { _scriptId, function: 'route' } },
      document.routers[1],
    ];
    await api.call('PUT', `/v1/flows/${flow.flowId}`, { ...document, routers, settings: { odd: 'few' } });
    depot.total = 11;
    const job = await api.finished(await api.run(flow.flowId));
    depot.total = total;
    const even = [0, 2, 4, 6, 8, 10];
    expect([depot.idsOn('large'), depot.idsOn('utrecht')]).toEqual([even, even]);
    expect(depot.idsOn('archive')).toEqual([...even, ...even].toSorted((a, b) => a - b));
    expect(job).toMatchObject({ status: 'completed', numSuccess: 24, numIgnore: 1, numError: 1 });
    expect(job.routers?.[0]).toMatchObject({
      numSuccess: 9,
      numError: 1,
      numIgnore: 1,
      branches: [{ numRecords: 6 }, { numRecords: 6 }, { numRecords: 3 }],
    });
    const [error] = await api.errors(flow.flowId, flow.exportId);
    expect(error).toMatchObject({ source: 'routing', message: expect.stringContaining('not three'), traceKey: '3' });
  });

  it('refuses routers that lead back to themselves', async () => {
    const branch = (nextRouterId: string) => [{ name: 'on', nextRouterId }];
    const answer = await millrace.api.send('POST', '/v1/flows', {
      name: 'Round',
      routers: [
        { id: 'a', branches: branch('b') },
        { id: 'b', branches: branch('a') },
      ],
    });
    expect([answer.status, answer.body]).toEqual([
      422,
      { errors: [{ code: 'invalid_flow', message: expect.any(String), field: 'routers' }] },
    ]);
  });
});
