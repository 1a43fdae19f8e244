import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { accountId, id, World } from '../testing/world.js';

let world: World;
const [flowId, nextId] = [id(1), id(2)];
const exportOf = (flow: string): string => `e${flow.slice(1)}`;

beforeEach(() => {
  world = new World();
});
afterEach(() => world.stop());

async function runToEnd(flow: string, status: 'completed' | 'failed' | 'canceled', request = {}): Promise<string> {
  const runId = await world.request(flow, request);
  await world.drainWork(runId);
  await world.end(runId, status);
  return runId;
}

function runsOf(flow: string): { status: string; triggeredBy: string; request: unknown }[] {
  return [...world.store.runs.values()]
    .filter(({ row }) => row._flowId === flow)
    .map(({ row: { status, triggeredBy, request } }) => ({ status, triggeredBy, request }));
}

describe('what follows a run', () => {
  it('is the run of its flow that waits', async () => {
    world.flow(flowId);
    await world.startScheduler();
    const first = await world.request(flowId);
    const second = await world.request(flowId);
    await world.drainWork(first);
    await world.end(first, 'failed');
    expect(world.store.run(second).status).toBe('running');
  });

  it('is the next flow, once, after a completed run', async () => {
    world.flow(flowId, { _runNextFlowIds: [nextId] });
    world.flow(nextId);
    await world.startScheduler('one');
    await world.startScheduler('two');
    await runToEnd(flowId, 'completed');
    await world.clock.advance(5_000);
    expect(runsOf(nextId)).toEqual([{ status: 'running', triggeredBy: 'chain', request: {} }]);
  });

  it.each(['failed', 'canceled'] as const)('is nothing after a %s run', async (status) => {
    world.flow(flowId, { _runNextFlowIds: [nextId] });
    world.flow(nextId);
    await world.startScheduler();
    await runToEnd(flowId, status);
    await world.clock.advance(5_000);
    expect(runsOf(nextId)).toEqual([]);
  });

  it('is one run with the named generators of another flow', async () => {
    world.flow(flowId, {
      _runNextExportIds: [
        { _flowId: nextId, _exportId: exportOf(nextId) },
        { _flowId: nextId, _exportId: id(9) },
      ],
    });
    world.store.put(accountId, 'exports', { _id: id(9), name: 'More' });
    world.flow(nextId, {
      pageGenerators: [{ _exportId: exportOf(nextId) }, { _exportId: id(9) }, { _exportId: exportOf(flowId) }],
    });
    await world.startScheduler();
    await runToEnd(flowId, 'completed');
    expect(runsOf(nextId)).toEqual([
      { status: 'running', triggeredBy: 'chain', request: { _exportIds: [exportOf(nextId), id(9)] } },
    ]);
  });

  it('is not started twice when a scheduler dies before it could note that it had', async () => {
    world.flow(flowId, { _runNextFlowIds: [nextId] });
    world.flow(nextId);
    const { bus } = await world.startScheduler('dying');
    const markFollowed = world.store.jobs.markFollowed;
    Object.assign(world.store.jobs, {
      markFollowed: () => {
        bus.kill();
        Object.assign(world.store.jobs, { markFollowed });
        return new Promise(() => undefined);
      },
    });
    await runToEnd(flowId, 'completed');
    await world.startScheduler('other');
    await world.clock.advance(10_000);
    expect(runsOf(nextId)).toHaveLength(1);
    expect(runsOf(nextId)[0]?.status).toBe('running');
  });

  it.each([
    ['does not exist', undefined],
    ['is disabled', { disabled: true }],
    ['is abstract', { isAbstract: true }],
  ])('leaves out a flow that %s, and says so', async (reason, change) => {
    world.flow(flowId, { _runNextFlowIds: [nextId] });
    if (change) world.flow(nextId, change);
    await world.startScheduler();
    await runToEnd(flowId, 'completed');
    expect(runsOf(nextId)).toEqual([]);
    expect(world.toldOf('chainSkipped')).toEqual([
      expect.objectContaining({ flowId: nextId, reason: expect.stringContaining(reason) }),
    ]);
  });

  it('happens within a second when the signal was lost', async () => {
    world.flow(flowId, { _runNextFlowIds: [nextId] });
    world.flow(nextId);
    await world.startScheduler();
    const runId = await world.request(flowId);
    await world.drainWork(runId);
    world.store.finish(runId, 'completed');
    await world.clock.advance(1_000);
    expect(runsOf(nextId)).toHaveLength(1);
  });
});

describe('a queued run whose command was lost', () => {
  it('is started by the sweep', async () => {
    world.flow(flowId);
    await world.startScheduler();
    const runId = await world.queue(flowId);
    await world.clock.advance(3_000);
    expect(world.store.run(runId).status).toBe('running');
  });
});

/** Reference: runtime §3.1. */
describe('the delta checkpoint', () => {
  const start = '2026-01-01T00:00:00.000Z';
  const deltaFlow = (change = {}): void => {
    world.flow(flowId, change);
    world.store.put(accountId, 'exports', { _id: exportOf(flowId), name: 'Orders', type: 'delta' });
  };
  const checkpoint = (flow = flowId): string | undefined =>
    world.store.checkpointsByKey.get(`${flow}/${exportOf(flow)}`);

  it('advances to the start of a completed run', async () => {
    deltaFlow();
    await world.startScheduler();
    const runId = await world.request(flowId);
    await world.clock.advance(60_000);
    await world.drainWork(runId);
    await world.end(runId, 'completed');
    expect(checkpoint()).toBe(start);
  });

  it.each(['failed', 'canceled'] as const)('stays after a %s run', async (status) => {
    deltaFlow();
    await world.startScheduler();
    await runToEnd(flowId, status);
    expect(checkpoint()).toBeUndefined();
  });

  it('is only kept for delta exports', async () => {
    world.flow(flowId);
    await world.startScheduler();
    await runToEnd(flowId, 'completed');
    expect(checkpoint()).toBeUndefined();
  });

  it.each([
    ['goes to the endDate that was asked for', { endDate: '2025-12-01T00:00:00Z' }, '2025-12-01T00:00:00.000Z'],
    ['goes to the start of the run when the endDate lies ahead', { endDate: '2027-01-01T00:00:00Z' }, start],
    ['goes on from a startDate at or before it', { startDate: '2025-01-01T00:00:00Z' }, start],
    ['stays when a startDate leaves a gap', { startDate: '2025-07-01T00:00:00Z' }, '2025-06-01T00:00:00.000Z'],
  ])('%s', async (_, window, expected) => {
    deltaFlow();
    world.store.checkpointsByKey.set(`${flowId}/${exportOf(flowId)}`, '2025-06-01T00:00:00.000Z');
    await world.startScheduler();
    await runToEnd(flowId, 'completed', { export: window });
    expect(checkpoint()).toBe(expected);
  });

  it('is held behind the export it must not pass', async () => {
    deltaFlow({ _keepDeltaBehindFlowId: nextId, _keepDeltaBehindExportId: exportOf(nextId) });
    await world.startScheduler();
    await runToEnd(flowId, 'completed');
    expect(checkpoint()).toBeUndefined();
    world.store.checkpointsByKey.set(`${nextId}/${exportOf(nextId)}`, '2025-06-01T00:00:00.000Z');
    await runToEnd(flowId, 'completed');
    expect(checkpoint()).toBe('2025-06-01T00:00:00.000Z');
  });
});
