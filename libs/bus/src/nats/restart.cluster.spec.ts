import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '#testing/eventually';
import { NatsServer } from '#testing/nats-server';
import type { Bus, Delivery, OutgoingMessage } from '../bus.js';
import type { NatsBus } from './index.js';
import { createNatsBus } from './index.js';

const run = '0123456789abcdef01234567';
const leaseMs = 1_000;

/** A slice of a generator, and what replaces it: a page and the next slice. */
const slice: OutgoingMessage = { queue: 'work.generate', key: run, id: 'slice 0', body: new Uint8Array() };
const replacement = (carriesOn: Delivery): OutgoingMessage[] => [
  { queue: 'work.page', key: run, id: 'page 0', body: new Uint8Array(), carriesOn },
  { queue: 'work.page', key: run, id: 'page 1', body: new Uint8Array() },
  { queue: 'work.generate', key: run, id: 'slice 1', body: new Uint8Array(), carriesOn },
];

/** The server is restarted inside the lease of a process that died between a publish and its acknowledgement. */
describe('work that was carried on by a process that died', () => {
  let server: NatsServer;
  let buses: NatsBus[];

  beforeEach(async () => {
    server = await NatsServer.start();
    buses = [];
  });
  afterEach(async () => {
    await Promise.all(buses.map((bus) => bus.abandon()));
    await server.stop();
  });

  async function open(): Promise<NatsBus> {
    const bus = await createNatsBus({ servers: server.url, name: 'restart', reportError: () => undefined });
    buses.push(bus);
    return bus;
  }

  const consume = (bus: Bus, queue: 'work.generate' | 'work.page', handle: (delivery: Delivery) => Promise<void>) =>
    bus.consume({ queue, consumerId: 'test', maxInFlight: 8, leaseMs }, handle);

  /** Leases the slice, publishes what replaces it, and dies. */
  async function carryOnAndDie(): Promise<void> {
    const bus = await open();
    await bus.publish([slice]);
    const { promise, resolve } = Promise.withResolvers<void>();
    await consume(bus, 'work.generate', async (delivery) => {
      if (delivery.id !== slice.id) return;
      expect(await bus.publishAtomic(replacement(delivery))).toBe('published');
      resolve();
      await new Promise(() => undefined);
    });
    await promise;
    await bus.abandon();
  }

  it('is done when what replaced it is, and is not given to anybody again', async () => {
    await carryOnAndDie();
    const given: string[] = [];
    const finish = async (delivery: Delivery): Promise<void> => {
      // The dead process's lease still runs.
      if (delivery.id === slice.id) return;
      given.push(delivery.id);
      await delivery.ack();
    };
    const bus = await open();
    await consume(bus, 'work.generate', finish);
    await consume(bus, 'work.page', finish);
    await eventually('nothing is outstanding', async () => (await bus.outstanding(run)).total === 0);
    await bus.abandon();
    await server.restart();
    const other = await open();
    await consume(other, 'work.generate', async (delivery) => {
      given.push(delivery.id);
      expect(await other.publishAtomic(replacement(delivery))).toBe('already');
    });
    // Nothing is left that could be delivered.
    expect((await other.outstanding(run)).total).toBe(0);
    expect(given.toSorted()).toEqual(['page 0', 'page 1', 'slice 1']);
    expect((await other.status()).map(({ leased }) => leased)).toEqual([0, 0, 0, 0]);
  });

  it('cannot be carried on twice while what replaced it is under way', async () => {
    await carryOnAndDie();
    await server.restart();
    const bus = await open();
    const outcomes: string[] = [];
    await consume(bus, 'work.generate', async (delivery) => {
      if (delivery.id !== slice.id) return;
      outcomes.push(await bus.publishAtomic(replacement(delivery)));
      await delivery.ack();
    });
    await eventually('it is gone, and nothing else', async () => (await bus.outstanding(run)).total === 3);
    expect(outcomes).toEqual(['already']);
  });

  it('is known to be gone when the server has given up its place on disk', async () => {
    const [bus, other] = [await open(), await open()];
    await bus.publish([slice]);
    const { promise: isLeased, resolve: lease } = Promise.withResolvers<Delivery>();
    const leasing = await consume(bus, 'work.generate', async (delivery) => lease(delivery));
    const delivery = await isLeased;
    await bus.publishAtomic(replacement(delivery).slice(0, 1));
    await delivery.ack();
    await leasing.drain();
    // Enough to fill more than the block of 8 MB that the slice was in.
    const filler = new Uint8Array(5 * 1024 * 1024);
    for (const id of ['a', 'b', 'c', 'd']) {
      await bus.publish([{ queue: 'work.retry', key: run, id, body: filler }]);
    }
    let acknowledged = 0;
    await bus.consume({ queue: 'work.retry', consumerId: 'test', maxInFlight: 1 }, async (each) => {
      await each.ack();
      acknowledged += 1;
    });
    await eventually('they are acknowledged', () => acknowledged === 4);
    const attempts: number[] = [];
    await consume(other, 'work.page', async (each) => {
      attempts.push(each.attempt);
      await each.ack();
    });
    await eventually('nothing is outstanding', async () => (await bus.outstanding(run)).total === 0);
    expect(attempts).toEqual([1]);
  });

  it('is acknowledged in vain, and at once, by a process that lived after all', async () => {
    const bus = await open();
    const other = await open();
    await bus.publish([slice]);
    let settledMs: number | undefined;
    const { promise: isDone, resolve: done } = Promise.withResolvers<void>();
    await consume(bus, 'work.generate', async (delivery) => {
      if (delivery.id !== slice.id) return;
      await bus.publishAtomic(replacement(delivery).slice(0, 1));
      await isDone;
      const startedMs = performance.now();
      await delivery.ack();
      settledMs = performance.now() - startedMs;
    });
    await consume(other, 'work.page', async (delivery) => {
      await delivery.ack();
      done();
    });
    await eventually('it is acknowledged', () => settledMs !== undefined);
    expect(settledMs).toBeLessThan(leaseMs);
    expect((await bus.outstanding(run)).total).toBe(0);
  });
});
