import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { eventually } from '#testing/eventually';
import type { ConsumerOptions, Delivery, OutgoingMessage } from '../bus.js';
import type { NatsBus } from './index.js';
import { createNatsBus } from './index.js';
import { Names } from './subjects.js';

const servers = process.env.NATS_URL;
if (!servers) throw new Error('NATS_URL is unset: start the brokers first, and take their URLs into the environment.');

const leaseMs = 1_000;
const settled = 40;

describe('messages that prefer a consumer', () => {
  let prefix: string;
  let buses: NatsBus[];
  /** consumer → ids that it was given */
  let given: Record<string, string[]>;

  beforeEach(() => {
    prefix = `test-${randomUUID()}`;
    buses = [];
    given = {};
  });

  afterEach(async () => {
    await Promise.all(buses.map((bus) => bus.abandon()));
    const nc = await connect({ servers });
    const jsm = await jetstreamManager(nc);
    const names = new Names(prefix);
    for (const stream of [names.workStream, names.commandStream, names.deadStream, names.leaseStream]) {
      await jsm.streams.delete(stream);
    }
    await nc.close();
  });

  const open = async (): Promise<NatsBus> => {
    const bus = await createNatsBus({ servers, name: 'hand-over', prefix, reportError: () => undefined });
    buses.push(bus);
    return bus;
  };

  const consumer = async (
    consumerId: string,
    handle: (delivery: Delivery) => Promise<void> = (delivery) => delivery.ack(),
    options: Partial<ConsumerOptions> = {},
  ): Promise<NatsBus> => {
    const bus = await open();
    const ids: string[] = (given[consumerId] = []);
    await bus.consume(
      { queue: 'work.page', consumerId, maxInFlight: 64, leaseMs, headersOnly: true, ...options },
      async (delivery) => {
        ids.push(delivery.id);
        await handle(delivery);
      },
    );
    return bus;
  };

  /** Published one by one, so that both consumers are leased some. */
  const publish = async (bus: NatsBus, prefers: string): Promise<void> => {
    for (let i = 0; i < settled; i += 1) {
      const message: OutgoingMessage = { queue: 'work.page', key: 'run', id: `m${i}`, body: Buffer.from('x'), prefers };
      await bus.publish([message]);
    }
  };

  const drained = (bus: NatsBus): Promise<void> =>
    eventually('everything is settled', async () => (await bus.outstanding('run')).total === 0);

  /** Consumers know of each other once a message that prefers one of them was passed on to it. */
  const acquainted = async (bus: NatsBus, to: string): Promise<void> => {
    let probes = 0;
    await eventually('consumers know of each other', async () => {
      const id = `probe${(probes += 1)}`;
      await bus.publish([{ queue: 'work.page', key: 'probe', id, body: Buffer.from('x'), prefers: to }]);
      await eventually('the probe is delivered', () => Object.values(given).some((ids) => ids.includes(id)));
      return given[to]!.includes(id) && probes > 8;
    });
    await eventually('probes are settled', async () => (await bus.outstanding('probe')).total === 0);
    for (const ids of Object.values(given)) ids.length = 0;
  };

  it('reach it, whoever was leased them, and count until it has settled them', async () => {
    const publisher = await consumer('executor 1');
    await consumer('executor/2');
    await acquainted(publisher, 'executor/2');
    await publish(publisher, 'executor/2');
    await drained(publisher);
    expect(given['executor/2']).toHaveLength(settled);
    expect(given['executor 1']).toEqual([]);
  });

  it('reach others when it is not there', async () => {
    const publisher = await consumer('a');
    await publish(publisher, 'nobody');
    await drained(publisher);
    expect(given['a']).toHaveLength(settled);
  });

  it('reach others while it does not keep up', async () => {
    const waiting: (() => void)[] = [];
    let isBlocked = false;
    const publisher = await consumer('a');
    await consumer(
      'b',
      async (delivery) => {
        if (isBlocked) await new Promise<void>((resolve) => waiting.push(resolve));
        await delivery.ack();
      },
      { maxInFlight: 4, leaseMs: 60_000 },
    );
    await acquainted(publisher, 'b');
    isBlocked = true;
    let late = 0;
    await eventually('others get some', async () => {
      const id = `late${(late += 1)}`;
      await publisher.publish([{ queue: 'work.page', key: 'run', id, body: Buffer.from('x'), prefers: 'b' }]);
      return given['a']!.length > 0 && waiting.length > 2;
    });
    isBlocked = false;
    for (const resume of waiting) resume();
    await drained(publisher);
  });

  it('reach others when it dies with them', async () => {
    const publisher = await consumer('a');
    let isDying = false;
    const dying = await consumer('b', (delivery) => (isDying ? new Promise(() => undefined) : delivery.ack()));
    await acquainted(publisher, 'b');
    isDying = true;
    await publish(publisher, 'b');
    await eventually('it was given some', () => given['b']!.length > 0);
    await dying.abandon();
    await drained(publisher);
    expect(new Set(given['a'])).toEqual(new Set(Array.from({ length: settled }, (_, i) => `m${i}`)));
  });

  it('are handed back when it leaves', async () => {
    const publisher = await consumer('a');
    const leaving = await consumer('b');
    await acquainted(publisher, 'b');
    const published = publish(publisher, 'b');
    await eventually('it was given some', () => given['b']!.length > 0);
    await leaving.close();
    await published;
    await drained(publisher);
    expect(new Set([...given['a']!, ...given['b']!]).size).toBe(settled);
  });
});
