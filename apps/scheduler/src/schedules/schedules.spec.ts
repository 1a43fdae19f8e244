import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { id, World } from '../testing/world.js';

let world: World;
const flowId = id(1);
const exportOf = (flow: string): string => `e${flow.slice(1)}`;
const daily = '? 0 2 ? * *';

beforeEach(() => {
  world = new World('2026-01-01T01:59:00.000Z');
});
afterEach(() => world.stop());

function firings(): string[] {
  return [...world.store.fired].map(([key, { outcome }]) => `${outcome} ${key}`);
}

async function finishAll(): Promise<void> {
  for (const [runId, run] of world.store.runs) {
    if (run.row.status !== 'running') continue;
    await world.drainWork(runId);
    await world.end(runId, 'completed');
  }
}

describe('a scheduled flow', () => {
  it('runs at its slot, not before', async () => {
    world.flow(flowId, { schedule: daily });
    await world.startScheduler();
    await world.clock.advance(59_999);
    expect(firings()).toEqual([]);
    await world.clock.advance(1);
    expect(firings()).toEqual([`fired ${flowId}@2026-01-01T02:00:00.000Z`]);
    expect([...world.store.runs.values()].map(({ row }) => [row.status, row.triggeredBy])).toEqual([
      ['running', 'schedule'],
    ]);
  });

  it('runs in its own time zone', async () => {
    world.flow(flowId, { schedule: '? 0 3 ? * *', timezone: 'Europe/Berlin' });
    await world.startScheduler();
    await world.clock.advance(60_000);
    expect(firings()).toEqual([`fired ${flowId}@2026-01-01T02:00:00.000Z`]);
  });

  it('is skipped, not queued, while it runs (decision 5)', async () => {
    world.flow(flowId, { schedule: '? * * ? * *' });
    await world.startScheduler();
    await world.clock.advance(120_000);
    expect(firings()).toEqual([
      `fired ${flowId}@2026-01-01T02:00:00.000Z`,
      `skipped ${flowId}@2026-01-01T02:01:00.000Z`,
    ]);
    await finishAll();
    await world.clock.advance(60_000);
    expect(firings().at(-1)).toBe(`fired ${flowId}@2026-01-01T02:02:00.000Z`);
  });

  it('runs at its next slot after it was enabled, not at the one before', async () => {
    const schedule = '? 0,2 2 ? * *';
    world.flow(flowId, { schedule, disabled: true });
    await world.startScheduler();
    await world.clock.advance(60_500);
    world.flow(flowId, { schedule });
    await world.clock.advance(10_000);
    expect(firings()).toEqual([]);
    await world.clock.advance(120_000);
    expect(firings()).toEqual([`fired ${flowId}@2026-01-01T02:02:00.000Z`]);
  });

  it('that is enabled just before its slot does not miss it', async () => {
    world.flow(flowId, { schedule: daily, disabled: true });
    await world.startScheduler();
    await world.clock.advance(59_900);
    world.flow(flowId, { schedule: daily });
    await world.clock.advance(1_100);
    expect(firings()).toEqual([`fired ${flowId}@2026-01-01T02:00:00.000Z`]);
  });

  it('keeps its slot when something else of it changes', async () => {
    world.flow(flowId, { schedule: daily });
    await world.startScheduler();
    await world.clock.advance(59_500);
    world.flow(flowId, { schedule: daily, name: 'Renamed' });
    await world.clock.advance(1_000);
    expect(firings()).toEqual([`fired ${flowId}@2026-01-01T02:00:00.000Z`]);
  });

  it('with a schedule that is none is reported and harms no other', async () => {
    world.flow(flowId, { schedule: 'every night' });
    world.flow(id(2), { schedule: daily });
    await world.startScheduler();
    await world.clock.advance(60_000);
    expect(firings()).toEqual([`fired ${id(2)}@2026-01-01T02:00:00.000Z`]);
    expect(world.toldOf('scheduleInvalid')).toEqual([expect.objectContaining({ flowId })]);
  });
});

describe('a page generator with its own schedule', () => {
  const other = id(101);

  it("runs alone at its slots; the flow's schedule runs the others", async () => {
    world.store.put('a'.repeat(24), 'exports', { _id: other, name: 'More' });
    world.flow(flowId, {
      schedule: daily,
      pageGenerators: [{ _exportId: exportOf(flowId) }, { _exportId: other, schedule: '? 5 2 ? * *' }],
    });
    await world.startScheduler();
    await world.clock.advance(60_000);
    expect(world.work().map(({ exportId }) => exportId)).toEqual([exportOf(flowId)]);
    await finishAll();
    await world.clock.advance(300_000);
    expect(world.work().map(({ exportId }) => exportId)).toEqual([other]);
    expect(firings()).toEqual([
      `fired ${flowId}@2026-01-01T02:00:00.000Z`,
      `fired ${flowId}/${other}@2026-01-01T02:05:00.000Z`,
    ]);
  });
});

describe('several schedulers', () => {
  it('have one leader, and each slot starts one run', async () => {
    world.flow(flowId, { schedule: daily });
    const one = await world.startScheduler('one');
    const two = await world.startScheduler('two');
    await world.clock.advance(120_000);
    expect([one.scheduler.isLeader(), two.scheduler.isLeader()]).toEqual([true, false]);
    expect(world.store.runs.size).toBe(1);
  });

  it('hand leadership over at once when the leader stops', async () => {
    const one = await world.startScheduler('one');
    const two = await world.startScheduler('two');
    await one.scheduler.drain();
    await world.clock.advance(1_000);
    expect(two.scheduler.isLeader()).toBe(true);
  });

  it('replace a leader that died within seconds, and make up for the slot it missed', async () => {
    world.flow(flowId, { schedule: daily });
    const one = await world.startScheduler('one');
    const two = await world.startScheduler('two');
    await world.clock.advance(59_000);
    one.bus.kill();
    await world.clock.advance(7_000);
    expect(two.scheduler.isLeader()).toBe(true);
    expect(firings()).toEqual([`fired ${flowId}@2026-01-01T02:00:00.000Z`]);
    expect([...world.store.runs.values()].map(({ row }) => row.status)).toEqual(['running']);
  });

  it('do not fire again what the dead leader fired', async () => {
    world.flow(flowId, { schedule: daily });
    const one = await world.startScheduler('one');
    await world.startScheduler('two');
    await world.clock.advance(60_000);
    one.bus.kill();
    await finishAll();
    await world.clock.advance(30_000);
    expect(world.store.runs.size).toBe(1);
  });

  it('start the run of a firing whose leader died before it could say so', async () => {
    world.flow(flowId, { schedule: daily });
    const one = await world.startScheduler('one');
    await world.startScheduler('two');
    one.bus.publish = () => {
      one.bus.kill();
      return new Promise(() => undefined);
    };
    await world.clock.advance(75_000);
    expect([...world.store.runs.values()].map(({ row }) => row.status)).toEqual(['running']);
  });

  it('skip slots that nobody fired for more than a minute, and say so', async () => {
    world.flow(flowId, { schedule: daily });
    const one = await world.startScheduler('one');
    await world.clock.advance(61_000);
    await finishAll();
    one.bus.kill();
    world.clock.jump(25 * 3_600_000);
    await world.startScheduler('two');
    await world.clock.advance(10_000);
    expect(firings()).toEqual([`fired ${flowId}@2026-01-01T02:00:00.000Z`]);
    expect(world.toldOf('scheduleMissed')).toEqual([
      expect.objectContaining({ key: flowId, since: '2026-01-02T02:00:00.000Z' }),
    ]);
  });

  it('step down before the lease can expire when it cannot be renewed', async () => {
    const one = await world.startScheduler('one');
    one.bus.leases.put = () => new Promise(() => undefined);
    await world.clock.advance(4_500);
    expect(one.scheduler.isLeader()).toBe(false);
  });

  it('let a leader that comes back under its name go on without waiting for its old lease', async () => {
    const one = await world.startScheduler('one');
    one.bus.kill();
    const again = await world.startScheduler('one');
    await world.clock.advance(10);
    expect(again.scheduler.isLeader()).toBe(true);
  });
});

describe('a firing that cannot be stored', () => {
  it('is tried again until it is, and stays one', async () => {
    world.flow(flowId, { schedule: daily });
    await world.startScheduler();
    const fire = world.store.firings.fire.bind(world.store.firings);
    let failures = 3;
    Object.assign(world.store.firings, {
      fire: (...args: Parameters<typeof fire>) => (failures-- > 0 ? Promise.reject(new Error('away')) : fire(...args)),
    });
    await world.clock.advance(70_000);
    expect(firings()).toEqual([`fired ${flowId}@2026-01-01T02:00:00.000Z`]);
  });
});

describe('1,000 flows that are due in the same second', () => {
  it('all start, although the leader dies in that second', async () => {
    for (let n = 1; n <= 1_000; n += 1) world.flow(id(n), { schedule: daily });
    const one = await world.startScheduler('one');
    await world.startScheduler('two');
    const fire = world.store.firings.fire.bind(world.store.firings);
    let fired = 0;
    Object.assign(world.store.firings, {
      fire: (...args: Parameters<typeof fire>) => {
        fired += 1;
        if (fired === 400) one.bus.kill();
        return fire(...args);
      },
    });
    // What the dead one had just started is published by the other one's sweep.
    await world.clock.advance(90_000);
    expect(one.bus.isDead).toBe(true);
    expect(world.store.runs.size).toBe(1_000);
    expect([...world.store.runs.values()].every(({ row }) => row.status === 'running')).toBe(true);
    expect(new Set(world.work().map(({ flowId: flow }) => flow)).size).toBe(1_000);
  });
});
