import { Readable } from 'node:stream';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Blobs } from '#blobs';
import { streamLetter } from '#contracts';
import { ControllableClock } from '#testing/clock';
import { eventually } from '#testing/eventually';
import { FakeBroker } from '#testing/fakes/fake-broker';
import { FakeStream } from '#testing/fakes/fake-stream';
import { DeadLetters } from './dead-letters.js';

const run = '1'.repeat(24);
const streamName = 'dead-letters/step-results/3/41';

describe('dead letters', () => {
  let stream: FakeStream;
  let kept: Map<string, Uint8Array>;
  let letters: DeadLetters;
  let replayed: string[];

  beforeEach(async () => {
    stream = new FakeStream();
    replayed = [];
    kept = new Map([
      [
        streamName,
        streamLetter.encode({
          v: 1,
          topic: 'step-results',
          partition: 3,
          offset: '41',
          key: run,
          headers: { traceparent: 'trace' },
          storedAt: '2026-01-02T03:04:05.000Z',
          reason: 'not JSON',
          value: Buffer.from('{"v":').toString('base64'),
        }),
      ],
    ]);
    const broker = new FakeBroker(new ControllableClock());
    const bus = broker.connect();
    await bus.consume({ queue: 'work.page', consumerId: 'test', maxInFlight: 1 }, (delivery) =>
      delivery.reject('nobody can read this'),
    );
    await bus.publish([{ queue: 'work.page', key: run, id: `${run}/0/p1`, body: Buffer.from('?') }]);
    await eventually('it is rejected', () => broker.letters.length === 1);
    const blobs: Pick<Blobs, 'get' | 'list' | 'delete'> = {
      get: async (key) => (kept.has(key) ? Readable.from([kept.get(key)]) : null),
      list: async function* (prefix) {
        for (const [key, content] of kept) {
          if (key.startsWith(prefix)) yield { key, bytes: content.byteLength, storedAt: '' };
        }
      },
      delete: async (key) => void kept.delete(key),
    };
    const replay = async (id: string): Promise<boolean> => {
      replayed.push(id);
      return bus.deadLetters.replay(id);
    };
    letters = new DeadLetters({ bus: { deadLetters: { ...bus.deadLetters, replay } }, stream, blobs });
  });

  it('are listed whoever kept them, each with where it came from and why', async () => {
    expect(await letters.list(10)).toEqual([
      {
        name: `bus/${run}/0/p1`,
        from: 'work.page',
        key: run,
        reason: 'nobody can read this',
        at: expect.any(String),
        bytes: 1,
      },
      {
        name: streamName,
        from: 'step-results',
        key: run,
        reason: 'not JSON',
        at: '2026-01-02T03:04:05.000Z',
        bytes: 5,
      },
    ]);
  });

  it('of a stream are produced again as they were, and are gone then', async () => {
    expect(await letters.replay(streamName)).toBe(true);
    expect(stream.events['step-results']).toMatchObject([
      { key: run, headers: { traceparent: 'trace' }, value: Buffer.from('{"v":') },
    ]);
    expect(await letters.replay(streamName)).toBe(false);
    expect((await letters.list(10)).map(({ from }) => from)).toEqual(['work.page']);
  });

  it('of the bus are replayed by the bus', async () => {
    expect(await letters.replay(`bus/${run}/0/p1`)).toBe(true);
    expect(await letters.replay('bus/unknown')).toBe(false);
    expect(replayed).toEqual([`${run}/0/p1`, 'unknown']);
  });

  it('are nothing else: other blobs cannot be replayed', async () => {
    kept.set('retry/1', Buffer.from('{}'));
    expect(await letters.replay('retry/1')).toBe(false);
  });
});
