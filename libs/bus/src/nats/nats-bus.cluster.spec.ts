import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { describeBus } from '#testing/bus.contract';
import type { NatsBus } from './index.js';
import { createNatsBus } from './index.js';
import { Names } from './subjects.js';

const servers = process.env.NATS_URL;
if (!servers) throw new Error('NATS_URL is unset: start the brokers first, and take their URLs into the environment.');

describeBus('NATS JetStream', async () => {
  const prefix = `test-${randomUUID()}`;
  const buses = new Set<NatsBus>();
  return {
    async connect() {
      const bus = await createNatsBus({ servers, name: 'contract', prefix, reportError: () => undefined });
      buses.add(bus);
      return bus;
    },
    async crash(bus) {
      for (const each of buses) if (each === bus) await each.abandon();
    },
    async stop() {
      await Promise.all([...buses].map((bus) => bus.abandon()));
      await removeStreams(prefix);
    },
  };
});

describe('a bus on NATS', () => {
  it('is made once by processes that start together, and keeps what is there', async () => {
    const prefix = `test-${randomUUID()}`;
    const buses = await Promise.all(
      ['a', 'b', 'c'].map((name) => createNatsBus({ servers, name, prefix, reportError: () => undefined })),
    );
    await buses[0]!.publish([{ queue: 'work.page', key: 'run', id: 'a', body: new Uint8Array(1) }]);
    const later = await createNatsBus({ servers, name: 'd', prefix });
    expect((await later.outstanding('run')).total).toBe(1);
    await Promise.all([...buses, later].map((bus) => bus.close()));
    await removeStreams(prefix);
  });

  it('carries requests between processes, to one of those who respond', async () => {
    const prefix = `test-${randomUUID()}`;
    const [asker, first, second] = await Promise.all(
      ['asker', 'first', 'second'].map((name) =>
        createNatsBus({ servers, name, prefix, reportError: () => undefined }),
      ),
    );
    const served: string[] = [];
    const by = (name: string) => async (payload: Uint8Array) => {
      served.push(name);
      return payload;
    };
    first!.respond('where', by('first'));
    second!.respond('where', by('second'));
    // A round trip to the server: what was subscribed before is known afterwards.
    await Promise.all([first!.isReady(), second!.isReady()]);
    await Promise.all(Array.from({ length: 100 }, () => asker!.request('where', Buffer.from('x'), 5_000)));
    expect(served).toHaveLength(100);
    expect(new Set(served)).toEqual(new Set(['first', 'second']));
    await Promise.all([asker, first, second].map((bus) => bus!.close()));
    await removeStreams(prefix);
  });

  it('refuses a prefix that is not a token', async () => {
    await expect(createNatsBus({ servers, name: 'a', prefix: 'a.b' })).rejects.toThrow(TypeError);
  });
});

async function removeStreams(prefix: string): Promise<void> {
  const names = new Names(prefix);
  const nc = await connect({ servers });
  const jsm = await jetstreamManager(nc);
  for (const stream of [names.workStream, names.commandStream, names.deadStream, names.leaseStream]) {
    await jsm.streams.delete(stream);
  }
  await nc.close();
}
