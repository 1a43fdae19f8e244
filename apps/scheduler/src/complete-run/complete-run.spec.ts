import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { settled } from '#testing/clock';
import { accountId, id, World } from '../testing/world.js';

let world: World;
const flowId = id(1);

beforeEach(() => {
  world = new World();
  world.flow(flowId);
});
afterEach(() => world.stop());

/** A run whose scheduler died after the database said "started" and before its first work was published. */
async function startedWithoutWork(): Promise<string> {
  const { bus } = await world.startScheduler('dying');
  bus.offer = () => bus.kill();
  const runId = await world.request(flowId);
  expect([world.store.run(runId).status, world.work()]).toEqual(['running', []]);
  return runId;
}

describe('a run is complete', () => {
  it('at once when its last work is acknowledged: one finished marker', async () => {
    await world.startScheduler();
    const runId = await world.request(flowId);
    await world.drainWork(runId);
    expect(world.markers()).toEqual([runId]);
  });

  it('not while work is left', async () => {
    await world.startScheduler();
    const runId = await world.request(flowId);
    world.bus.signal('work.acked', runId);
    await world.clock.advance(20_000);
    expect(world.markers()).toEqual([]);
  });

  it('within seconds when the hint was lost and pages of it were counted', async () => {
    await world.startScheduler();
    const runId = await world.request(flowId);
    Object.assign(world.store.run(runId), { numPagesGenerated: 1 });
    await world.drainWork(runId, { hint: false });
    await world.clock.advance(7_000);
    expect(world.markers()).toEqual([runId]);
  });

  it('not while an executor may be reading its first slice, of which nothing is on the bus', async () => {
    world.executorsListen = false;
    await world.startScheduler();
    const runId = await world.request(flowId);
    for (let s = 0; s < 40; s += 3) {
      world.bus.signal('work.held', runId);
      await world.clock.advance(3_000);
    }
    expect([world.work(), world.markers()]).toEqual([[], []]);
    await world.drainWork(runId);
    expect(world.markers()).toEqual([runId]);
  });

  it('once, although many hints come late', async () => {
    await world.startScheduler();
    const runId = await world.request(flowId);
    for (let n = 0; n < 5; n += 1) await world.drainWork(runId);
    await world.clock.advance(10_000);
    expect(world.markers()).toEqual([runId]);
  });

  it('again when the marker had no effect for half a minute', async () => {
    await world.startScheduler();
    const runId = await world.request(flowId);
    await world.drainWork(runId);
    await world.clock.advance(60_000);
    expect(world.markers().length).toBeGreaterThanOrEqual(2);
    await world.end(runId, 'completed');
    const count = world.markers().length;
    await world.clock.advance(120_000);
    expect(world.markers()).toHaveLength(count);
  });
});

describe('completion checks of a long run', () => {
  it('are at most 20 a second, with one after the last hint', async () => {
    const { bus } = await world.startScheduler();
    const runId = await world.request(flowId);
    let checks = 0;
    const outstanding = bus.outstanding.bind(bus);
    bus.outstanding = (asked) => {
      checks += 1;
      return outstanding(asked);
    };
    for (let ms = 0; ms < 1_000; ms += 5) {
      world.bus.signal('work.acked', runId);
      await world.clock.advance(5);
    }
    expect(checks).toBeLessThanOrEqual(21);
    expect(checks).toBeGreaterThan(10);
    world.bus.signal('work.acked', runId);
    await settled();
    await world.drainWork(runId, { hint: false });
    await world.clock.advance(50);
    expect(world.markers()).toEqual([runId]);
  });
});

describe('first work that reached nobody, because a scheduler or an executor died', () => {
  it('is made up for: the sweep publishes it, the run is not taken for complete', async () => {
    const runId = await startedWithoutWork();
    await world.startScheduler('other');
    await world.clock.advance(9_000);
    expect(world.work()).toEqual([]);
    await world.clock.advance(6_000);
    expect(world.work()).toEqual([expect.objectContaining({ runId, ordinal: 0, slice: 0 })]);
    expect(world.markers()).toEqual([]);
    expect(world.toldOf('runResumed')).toEqual([{ runId, flowId }]);
    await world.drainWork(runId);
    expect(world.markers()).toEqual([runId]);
  });

  it('is not published again when it was on the queue and done', async () => {
    await world.startScheduler();
    const runId = await world.request(flowId);
    await world.stop();
    await world.drainWork(runId, { hint: false });
    await world.startScheduler('other');
    await world.clock.advance(15_000);
    expect(world.work()).toEqual([]);
    expect(world.markers()).toEqual([runId]);
    expect(world.toldOf('runResumed')).toEqual([]);
  });

  it('is left to the ledger once message ids may be forgotten: the run is finished as it is', async () => {
    const runId = await startedWithoutWork();
    world.clock.jump(15 * 60_000);
    await world.startScheduler('other');
    await world.clock.advance(10_000);
    expect(world.work()).toEqual([]);
    expect(world.markers()).toEqual([runId]);
  });

  it('is published again for all parallel generators, or none', async () => {
    const exportIds = [id(101), id(102)];
    for (const _id of exportIds) world.store.put(accountId, 'exports', { _id, name: 'Orders' });
    world.flow(flowId, {
      pageGenerators: exportIds.map((_exportId) => ({ _exportId })),
      runPageGeneratorsInParallel: true,
    });
    const { bus } = await world.startScheduler('dying');
    bus.publishAtomic = () => {
      bus.kill();
      return new Promise(() => undefined);
    };
    await world.request(flowId);
    await world.startScheduler('other');
    await world.clock.advance(15_000);
    expect(world.work().map(({ exportId }) => exportId)).toEqual(exportIds);
  });
});

describe('a run that is canceled', () => {
  const cancel = async (runId: string): Promise<void> => {
    await world.store.jobs.cancel(accountId, runId, 'user');
    const body = Buffer.from(JSON.stringify({ v: 1, accountId, flowId, jobId: runId, by: 'user' }));
    await world.bus.publish([{ queue: 'cmd.run.cancel', key: flowId, id: `cancel/${runId}`, body }]);
    await settled();
  };
  const tellings = (): number => world.broker.signals.filter(({ topic }) => topic === 'run.canceled').length;

  it('is told to executors at once and every half second, until its work has drained', async () => {
    await world.startScheduler();
    const runId = await world.request(flowId);
    await cancel(runId);
    expect(tellings()).toBe(1);
    await world.clock.advance(2_000);
    expect(tellings()).toBe(5);
    await world.drainWork(runId);
    await world.clock.advance(5_000);
    expect(world.markers()).toEqual([`${runId} canceled`]);
    expect(world.broker.held('cmd.run.cancel')).toEqual([]);
    expect(tellings()).toBeLessThanOrEqual(6);
  });

  it('goes on being told by another scheduler when this one stops', async () => {
    const { scheduler } = await world.startScheduler('one');
    const runId = await world.request(flowId);
    await cancel(runId);
    await scheduler.drain();
    await world.startScheduler('two');
    const before = tellings();
    await world.clock.advance(1_000);
    expect(tellings()).toBeGreaterThan(before);
  });

  it('while it waits needs nothing', async () => {
    await world.startScheduler();
    await world.request(flowId);
    const waiting = await world.request(flowId);
    await cancel(waiting);
    expect(world.store.run(waiting).status).toBe('canceled');
    expect([tellings(), world.broker.held('cmd.run.cancel')]).toEqual([0, []]);
  });
});
