import type { Bus } from '#bus';
import { createEmbeddedBus } from '#bus/embedded/index';
import { newId } from '#model';
import type { Store } from '#store';
import { createPostgresStore } from '#store/postgres/index';
import { EmbeddedStream } from '#stream/embedded/index';
import { createTestDatabase } from '#testing/postgres';
import { eventually } from '#testing/eventually';
import { silentLogger } from '#telemetry';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock, type Clock } from '#clock';
import { compileAnything, queueFirstSlices } from './testing/world.js';
import { createScheduler, type Scheduler } from './scheduler.js';
import { createSchedulerTelemetry } from './telemetry.js';

/** One scheduler process: its own connections, and a death of its own. */
interface Replica {
  readonly scheduler: Scheduler;
  /** Ends the process as `kill -9` does: nothing it does has an effect any more, its lease is not released. */
  kill(): void;
}

const closers: (() => Promise<void>)[] = [];
let databaseUrl: string;
let store: Store;
let bus: Bus;

beforeEach(async () => {
  const database = await createTestDatabase();
  closers.push(() => database.drop());
  databaseUrl = database.url;
  store = await opened(createPostgresStore({ connectionString: databaseUrl, poolSize: 4 }));
  bus = await opened(createEmbeddedBus({ connectionString: databaseUrl }));
});
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function opened<T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> {
  const thing = await opening;
  closers.push(() => thing.close());
  return thing;
}

/** A process's life: once it is dead its calls never arrive and are never answered; when it is buried, they fail. */
class Life {
  readonly #unanswered: ((reason: Error) => void)[] = [];
  #state: 'alive' | 'dead' | 'buried' = 'alive';

  kill(): void {
    this.#state = 'dead';
  }

  bury(): void {
    this.#state = 'buried';
    for (const reject of this.#unanswered.splice(0)) reject(new Error('dead'));
  }

  wrap<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (inner, name) => {
        const member: unknown = Reflect.get(inner, name);
        if (typeof member === 'object' && member !== null) return this.wrap(member);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown =>
          this.#state === 'alive' ? (Reflect.apply(member, inner, args) as unknown) : this.#silence();
      },
    });
  }

  #silence(): Promise<never> {
    const never = new Promise<never>((_, reject) => {
      if (this.#state === 'buried') reject(new Error('dead'));
      else this.#unanswered.push(reject);
    });
    // Some calls, signals for one, are made without waiting for an answer.
    never.catch(() => undefined);
    return never;
  }
}

async function startReplica(instanceId: string, clock: Clock, onFire: () => void = () => undefined): Promise<Replica> {
  const life = new Life();
  let isKilled = false;
  const ownStore = await opened(createPostgresStore({ connectionString: databaseUrl, poolSize: 4 }));
  const ownBus = await opened(createEmbeddedBus({ connectionString: databaseUrl }));
  const stream = await opened(EmbeddedStream.open({ databaseUrl }));
  const { firings } = ownStore;
  const scheduler = createScheduler({
    bus: life.wrap<Bus>(ownBus),
    stream: life.wrap(stream),
    store: life.wrap<Store>({
      ...ownStore,
      firings: { ...firings, fire: (...args) => (onFire(), firings.fire(...args)) },
    }),
    compile: compileAnything,
    telemetry: createSchedulerTelemetry(silentLogger),
    instanceId,
    clock,
  });
  await scheduler.start();
  closers.push(async () => {
    if (isKilled) life.bury();
    await scheduler.drain();
  });
  const kill = (): void => {
    isKilled = true;
    life.kill();
  };
  return { scheduler, kill };
}

/** Real time, shifted so that the next full minute is `ms` away. */
function clockBeforeMinute(ms: number): Clock {
  const shiftMs = 60_000 - (Date.now() % 60_000) - ms;
  return { ...systemClock, now: () => Date.now() + shiftMs };
}

describe('1,000 flows due in the same second, on the embedded adapters', () => {
  it('make exactly 1,000 runs although the leader is killed in that second', async () => {
    const { account } = await store.accounts.ensure('acme', 'f'.repeat(64));
    const [connectionId, exportId, importId] = [newId(), newId(), newId()];
    const before = new Date(Date.now() - 3_600_000).toISOString();
    const stamp = { createdAt: before, lastModified: before };
    await store.documents.insert(account._id, 'connections', {
      _id: connectionId,
      name: 'Shop',
      type: 'http',
      ...stamp,
    });
    await store.documents.insert(account._id, 'exports', {
      _id: exportId,
      name: 'Orders',
      _connectionId: connectionId,
      ...stamp,
    });
    await store.documents.insert(account._id, 'imports', {
      _id: importId,
      name: 'Order',
      _connectionId: connectionId,
      ...stamp,
    });
    const flows = Array.from({ length: 1_000 }, () => newId());
    await Promise.all(
      flows.map((_id) =>
        store.documents.insert(account._id, 'flows', {
          _id,
          name: 'Orders',
          schedule: '? * * ? * *',
          pageGenerators: [{ _exportId: exportId }],
          pageProcessors: [{ type: 'import', _importId: importId }],
          ...stamp,
        }),
      ),
    );

    queueFirstSlices(bus);
    const clock = clockBeforeMinute(3_000);
    let asked = 0;
    const one: Replica = await startReplica('one', clock, () => {
      asked += 1;
      if (asked === 300) one.kill();
    });
    await eventually('the first replica leads', () => one.scheduler.isLeader());
    const two = await startReplica('two', clock);
    await eventually('every flow runs', async () => (await store.jobs.countByStatus())['running'] === 1_000, 45_000);

    expect(asked).toBeGreaterThanOrEqual(300);
    expect(two.scheduler.isLeader()).toBe(true);
    const runs = await store.jobs.activeRuns(2_000);
    expect(runs).toHaveLength(1_000);
    expect(new Set(runs.map(({ flowId }) => flowId)).size).toBe(1_000);
    await eventually(
      'every run has its first work, once',
      async () => {
        const [work] = (await bus.status()).filter(({ queue }) => queue === 'work.generate');
        return work?.pending === 1_000;
      },
      20_000,
    );
    expect(await store.jobs.countByStatus()).toEqual({ running: 1_000 });
  });
});
