import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { JsonRecord } from '#model';
import { settled } from '#testing/clock';
import { accountId, id, World } from '../testing/world.js';

let world: World;
const flowId = id(1);

beforeEach(() => {
  world = new World();
});
afterEach(() => world.stop());

describe('a run that is asked for', () => {
  it('starts: its job runs, its plan is stored, the first slice of its generator waits for an executor', async () => {
    world.flow(flowId);
    await world.startScheduler();
    const runId = await world.request(flowId);
    expect(world.store.run(runId).status).toBe('running');
    expect(world.work()).toEqual([
      expect.objectContaining({
        runId,
        accountId,
        flowId,
        kind: 'slice',
        exportId: `e${flowId.slice(1)}`,
        ordinal: 0,
        slice: 0,
        nextPage: 0,
      }),
    ]);
    const planId = world.work()[0]?.planId ?? '';
    expect(world.store.plansById.get(planId)?.flow._id).toBe(flowId);
  });

  it('has one child job per step, generators first', async () => {
    world.flow(flowId);
    await world.startScheduler();
    const runId = await world.request(flowId);
    const started = await world.store.jobs.planOf(runId);
    expect(started?.children.map(({ type, stepId, oIndex }) => ({ type, stepId, oIndex }))).toEqual([
      { type: 'export', stepId: `e${flowId.slice(1)}`, oIndex: 0 },
      { type: 'import', stepId: `b${flowId.slice(1)}`, oIndex: 1 },
    ]);
  });

  it('shows the routers of its flow from the start, uncounted', async () => {
    const step = (_importId: string) => ({ type: 'import', _importId });
    const [one, two] = [id(51), id(52)];
    for (const _id of [one, two]) world.store.put(accountId, 'imports', { _id, name: 'Import' });
    world.flow(flowId, {
      pageProcessors: [],
      routers: [
        {
          id: 'r1',
          name: 'By size',
          branches: [
            { branchId: 'b1', name: 'large', pageProcessors: [step(one)] },
            { branchId: 'b2', name: 'small', pageProcessors: [step(two)] },
          ],
        },
      ],
    });
    await world.startScheduler();
    const runId = await world.request(flowId);
    expect(world.store.run(runId).routers).toEqual([
      {
        id: 'r1',
        name: 'By size',
        numSuccess: 0,
        numError: 0,
        numIgnore: 0,
        branches: [
          { branchId: 'b1', name: 'large', numRecords: 0 },
          { branchId: 'b2', name: 'small', numRecords: 0 },
        ],
      },
    ]);
  });

  it.each<[string, JsonRecord | undefined, string]>([
    ['meets the schema of its flow', { day: 'monday' }, 'running'],
    ['does not meet it', { day: 1 }, 'failed'],
    ['is missing', undefined, 'failed'],
  ])('whose input %s (%j) is %s', async (_, input, status) => {
    world.flow(flowId, { inputSchema: { required: ['day'], properties: { day: { type: 'string' } } } });
    await world.startScheduler();
    const runId = await world.request(flowId, input === undefined ? {} : { input });
    expect(world.store.run(runId)).toMatchObject({
      status,
      failure: status === 'failed' ? { code: 'invalid_input', message: expect.stringContaining('input.day') } : null,
    });
    expect(world.work()).toHaveLength(status === 'failed' ? 0 : 1);
  });

  it('takes the trace along', async () => {
    world.flow(flowId);
    await world.startScheduler();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await world.request(flowId, { traceparent });
    expect(world.broker.held('work.generate')[0]?.headers?.['traceparent']).toBe(traceparent);
  });

  it('starts once when it is announced twice and two schedulers listen', async () => {
    world.flow(flowId);
    await world.startScheduler('one');
    await world.startScheduler('two');
    const runId = await world.request(flowId);
    world.announce(flowId, runId);
    await settled();
    expect(world.toldOf('runStarted')).toHaveLength(1);
    expect(world.work()).toHaveLength(1);
  });

  it('waits while the flow runs', async () => {
    world.flow(flowId);
    await world.startScheduler();
    await world.request(flowId);
    const second = await world.request(flowId);
    expect(world.store.run(second).status).toBe('queued');
  });
});

describe('page generators of a run', () => {
  const [first, second, third] = [id(101), id(102), id(103)];
  const flowOfThree = (change = {}): void => {
    for (const _id of [first, second, third]) world.store.put(accountId, 'exports', { _id, name: 'Orders' });
    world.flow(flowId, { pageGenerators: [first, second, third].map((_exportId) => ({ _exportId })), ...change });
  };

  it('start one after another: only the first gets work', async () => {
    flowOfThree();
    await world.startScheduler();
    await world.request(flowId);
    expect(world.work().map(({ exportId, ordinal }) => [exportId, ordinal])).toEqual([[first, 0]]);
  });

  it('start all at once with runPageGeneratorsInParallel', async () => {
    flowOfThree({ runPageGeneratorsInParallel: true });
    await world.startScheduler();
    await world.request(flowId);
    expect(world.work().map(({ exportId, ordinal }) => [exportId, ordinal])).toEqual([
      [first, 0],
      [second, 1],
      [third, 2],
    ]);
  });

  it('can be selected: ordinals count the selected ones, positions the whole flow', async () => {
    flowOfThree({ runPageGeneratorsInParallel: true });
    await world.startScheduler();
    const runId = await world.request(flowId, { _exportIds: [third, second] });
    expect(world.work().map(({ exportId, ordinal }) => [exportId, ordinal])).toEqual([
      [second, 0],
      [third, 1],
    ]);
    const started = await world.store.jobs.planOf(runId);
    expect(started?.children.map(({ oIndex }) => oIndex)).toEqual([1, 2, 3]);
  });
});

describe('a run that cannot start', () => {
  const refusal = async (change: Parameters<World['flow']>[1], request = {}): Promise<string | undefined> => {
    world.flow(flowId, change);
    await world.startScheduler();
    const runId = await world.request(flowId, request);
    expect(world.work()).toEqual([]);
    expect(world.store.run(runId).status).toBe('failed');
    return world.store.run(runId).failure?.code;
  };

  it.each([
    ['of a disabled flow', { disabled: true }, {}, 'inactive_flow'],
    ['of an abstract flow', { isAbstract: true }, {}, 'invalid_flow'],
    ['without a page generator', { pageGenerators: [] }, {}, 'invalid_flow'],
    [
      'with an import that does not exist',
      { pageProcessors: [{ type: 'import', _importId: id(99) }] },
      {},
      'invalid_flow',
    ],
    [
      'with a script that does not exist',
      { pageProcessors: [{ hooks: { postResponseMap: { _scriptId: id(98), function: 'f' } } }] },
      {},
      'invalid_flow',
    ],
    ['with a selected generator that the flow does not have', {}, { _exportIds: [id(99)] }, 'invalid_flow'],
  ])('%s fails with its reason', async (_, change, request, code) => {
    expect(await refusal(change, request)).toBe(code);
  });

  it('because the engine refuses its plan fails with the first code and all messages', async () => {
    world.compile = () => ({
      failures: [
        { code: 'not_supported', message: 'Scripts do not run yet.', stepId: id(5) },
        { code: 'invalid_flow', message: 'A router is missing.' },
      ],
    });
    expect(await refusal({})).toBe('not_supported');
    const [run] = world.store.runs.values();
    expect(run?.row.failure?.message).toBe(`Scripts do not run yet. (step ${id(5)}) A router is missing.`);
  });

  it('because its flow is gone fails, and the others are not held up', async () => {
    world.flow(id(2));
    await world.startScheduler();
    const lost = await world.request(flowId);
    const other = await world.request(id(2));
    expect([world.store.run(lost).failure?.code, world.store.run(other).status]).toEqual(['invalid_flow', 'running']);
  });
});

describe('an announcement that is not understood', () => {
  it('is told, and the next one is heard', async () => {
    world.flow(flowId);
    await world.startScheduler();
    world.bus.offer('runs.queued', '{"v":9}');
    const runId = await world.request(flowId);
    expect(world.toldOf('failed')).toEqual(['an announcement of runs was not understood']);
    expect(world.store.run(runId).status).toBe('running');
  });
});

describe('what an announcement says of a job', () => {
  it('need not be read', async () => {
    world.flow(flowId);
    await world.startScheduler();
    const jobId = await world.queue(flowId);
    const asked = { triggeredBy: 'manual', traceparent: null };
    const payload = JSON.stringify({ v: 1, runs: [{ accountId, flowId, jobId, asked }] });
    world.bus.offer('runs.queued', payload);
    await settled();
    expect(world.store.run(jobId).status).toBe('running');
    expect(world.store.calls['jobs.getAny']).toBeUndefined();
  });

  it('is handed on with its start to the executor, who need not read the job either', async () => {
    world.flow(flowId);
    world.flow(id(2));
    const offered: unknown[] = [];
    world.bus.onOffer('first-slices', (payload) => offered.push(...JSON.parse(payload).slices));
    await world.startScheduler();
    const jobId = await world.queue(flowId);
    const asked = { triggeredBy: 'manual', traceparent: null };
    world.bus.offer('runs.queued', JSON.stringify({ v: 1, runs: [{ accountId, flowId, jobId, asked }] }));
    await world.request(id(2), { input: { day: 1 } });
    const { startedAt } = world.store.run(jobId);
    expect(offered).toEqual([
      expect.objectContaining({ runId: jobId, job: { startedAt } }),
      expect.not.objectContaining({ job: expect.anything() }),
    ]);
  });
});

describe('plans', () => {
  const startAndEnd = async (): Promise<string> => {
    const runId = await world.request(flowId);
    const planId = world.work().at(-1)?.planId ?? '';
    await world.drainWork(runId);
    await world.end(runId, 'completed');
    return planId;
  };

  it('of a flow that did not change are taken from memory: no documents read, no plan written', async () => {
    world.flow(flowId);
    await world.startScheduler();
    const first = await startAndEnd();
    const before = { ...world.store.calls };
    const second = await startAndEnd();
    expect(second).toBe(first);
    expect(world.store.calls['documents.getMany']).toBe(before['documents.getMany']);
    expect(world.store.calls['plans.put']).toBe(1);
  });

  it('are new at once when a change was announced', async () => {
    world.flow(flowId);
    await world.startScheduler();
    const first = await startAndEnd();
    await world.clock.advance(10);
    const importId = `b${flowId.slice(1)}`;
    world.store.put(accountId, 'imports', { _id: importId, name: 'Changed', _connectionId: `c${flowId.slice(1)}` });
    world.bus.signal('resource.changed', `${accountId} imports ${importId}`);
    await settled();
    const second = await startAndEnd();
    expect(second).not.toBe(first);
    expect(world.store.plansById.get(second)?.imports[importId]?.name).toBe('Changed');
  });

  it('are compared with their documents after ten seconds, in case the announcement was lost', async () => {
    world.flow(flowId);
    await world.startScheduler();
    const first = await startAndEnd();
    await world.clock.advance(5_000);
    world.flow(flowId, { settings: { region: 'EU' } });
    await world.clock.advance(5_000);
    expect(await startAndEnd()).not.toBe(first);
  });

  it('are the same plan when a document was written without a change', async () => {
    world.flow(flowId);
    await world.startScheduler();
    const first = await startAndEnd();
    await world.clock.advance(11_000);
    world.flow(flowId, { lastExecutedAt: '2026-01-01T00:00:01.000Z' });
    expect(await startAndEnd()).toBe(first);
  });

  it('hold settings by scope', async () => {
    const [integrationId, groupId] = [id(7), id(8)];
    world.store.put(accountId, 'integrations', {
      _id: integrationId,
      name: 'Shop',
      settings: { region: 'EU' },
      flowGroupings: [{ _id: groupId, name: 'Orders', settings: { batch: 5 } }],
    });
    world.flow(flowId, { _integrationId: integrationId, _flowGroupingId: groupId, settings: { dry: true } });
    await world.startScheduler();
    const planId = await startAndEnd();
    expect(world.store.plansById.get(planId)?.settings).toEqual({
      integration: { region: 'EU' },
      flowGrouping: { batch: 5 },
      flow: { dry: true },
    });
  });

  it('hold the scripts that the flow and its steps name, as they are now', async () => {
    const [hook, filter, router, form] = [id(71), id(72), id(73), id(74)];
    world.flow(flowId, {
      routers: [{ id: 'r', script: { _scriptId: router, function: 'f' }, branches: [] }],
      preSave: { _scriptId: form, function: 'f' },
    });
    world.store.put(accountId, 'exports', {
      _id: `e${flowId.slice(1)}`,
      _connectionId: `c${flowId.slice(1)}`,
      hooks: { preSavePage: { _scriptId: hook, function: 'f' } },
      filter: { type: 'script', script: { _scriptId: filter, function: 'f' } },
    });
    world.store.put(accountId, 'scripts', {
      _id: hook,
      name: 'hook',
      content: 'one',
      debugUntil: '2026-06-01T01:00:00Z',
    });
    world.store.put(accountId, 'scripts', {
      _id: filter,
      name: 'filter',
      postResponseHookToProcessOnChildRecord: true,
    });
    world.store.put(accountId, 'scripts', { _id: router, name: 'router', content: 'two' });
    await world.startScheduler();
    await world.request(flowId);
    const plan = world.store.plansById.get(world.work()[0]?.planId ?? '');
    expect(plan?.scripts).toEqual({
      [hook]: { content: 'one', postResponseHookToProcessOnChildRecord: false, debugUntil: '2026-06-01T01:00:00Z' },
      [filter]: { content: '', postResponseHookToProcessOnChildRecord: true },
      [router]: { content: 'two', postResponseHookToProcessOnChildRecord: false },
    });
  });

  it('bring a legacy two-step flow into the current form', async () => {
    const [exportId, importId] = [`e${flowId.slice(1)}`, `b${flowId.slice(1)}`];
    world.flow(flowId, { pageGenerators: [], pageProcessors: [], _exportId: exportId, _importId: importId });
    await world.startScheduler();
    const planId = await startAndEnd();
    const flow = world.store.plansById.get(planId)?.flow;
    expect([flow?.pageGenerators, flow?.pageProcessors]).toEqual([
      [{ _exportId: exportId }],
      [{ type: 'import', _importId: importId }],
    ]);
  });
});
