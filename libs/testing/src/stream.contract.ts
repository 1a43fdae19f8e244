import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { BatchHandler, OutgoingEvent, Stream, StreamBatch, StreamEvent } from '#stream';
import { eventually } from './eventually.js';

/** One process with the stream open. */
export interface StreamMember {
  readonly stream: Stream;
  /** Cuts the process off from its servers at once and for good, as when it is killed. */
  crash(): Promise<void>;
}

/** Servers with nothing on them, for one test. Handlers that throw are given the batch again within milliseconds. */
export interface StreamHarness {
  open(): Promise<StreamMember>;
  /** Closes what is still open, and removes everything. */
  stop(): Promise<void>;
}

/** Reads from `options.position` as a handler does that stores positions with its effect. */
interface StoredPositions {
  readonly positions: Map<number, bigint>;
  readonly position: (partition: number) => Promise<bigint | null>;
}

/**
 * What the stream promises, whatever carries it. Both adapters run these clauses; they are the definition of the port.
 */
export function describeStream(name: string, start: () => Promise<StreamHarness>): void {
  describe(`stream: ${name}`, () => {
    let harness: StreamHarness;
    let member: StreamMember;
    let stream: Stream;

    beforeEach(async () => {
      harness = await start();
      member = await harness.open();
      stream = member.stream;
    });
    afterEach(() => harness.stop());

    describe('produce', () => {
      it('hands over keys, values and headers as they were given', async () => {
        const recorder = new Recorder();
        await stream.consume({ topic: 'step-results', group: 'readers' }, recorder.handler);
        const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
        const before = Date.now();
        await stream.produce('step-results', [
          { key: 'run-1', value: bytes, headers: { traceparent: '00-ab-cd-01', empty: '', 'x-umlaut': 'Grüße' } },
          { key: 'Übergröße 🚀 — 注文', value: new Uint8Array(0) },
          {
            key: '__proto__',
            value: text('hostile'),
            headers: JSON.parse('{"__proto__":"kept"}') as Record<string, string>,
          },
        ]);
        await recorder.waitFor(3);

        const [first] = recorder.eventsOf('run-1');
        expect(Uint8Array.from(first!.value)).toEqual(bytes);
        expect(first!.headers).toEqual({ traceparent: '00-ab-cd-01', empty: '', 'x-umlaut': 'Grüße' });
        expect(Math.abs(first!.storedAtMs - before)).toBeLessThan(60_000);
        const [unicode] = recorder.eventsOf('Übergröße 🚀 — 注文');
        expect(unicode!.value.byteLength).toBe(0);
        expect(Object.keys(unicode!.headers)).toEqual([]);
        const [hostile] = recorder.eventsOf('__proto__');
        expect(Object.entries(hostile!.headers)).toEqual([['__proto__', 'kept']]);
      });

      it('carries an event of 1 MB', async () => {
        const recorder = new Recorder();
        await stream.consume({ topic: 'step-results', group: 'readers' }, recorder.handler);
        const value = new Uint8Array(1024 * 1024).map((_, index) => (index * 31) % 251);
        await stream.produce('step-results', [
          { key: 'large', value },
          { key: 'large', value: text('next') },
        ]);
        await recorder.waitFor(2);
        const [large, next] = recorder.eventsOf('large');
        expect(Buffer.compare(large!.value, value)).toBe(0);
        expect(Buffer.from(next!.value).toString()).toBe('next');
      });

      it('refuses an event that it cannot store, without harm to others', async () => {
        const recorder = new Recorder();
        await stream.consume({ topic: 'step-results', group: 'readers' }, recorder.handler);
        const outcomes = await Promise.allSettled([
          stream.produce('step-results', [event('good', 1)]),
          stream.produce('step-results', [{ key: 'huge', value: new Uint8Array(9 * 1024 * 1024) }]),
          stream.produce('step-results', [{ key: 'zero\0', value: text('x') }]),
          stream.produce('step-results', []),
          stream.produce('step-results', [event('good', 2)]),
        ]);
        expect(outcomes.map((outcome) => outcome.status)).toEqual([
          'fulfilled',
          'rejected',
          'rejected',
          'fulfilled',
          'fulfilled',
        ]);
        await recorder.waitFor(2);
        expect(recorder.numbersOf('good')).toEqual([1, 2]);
      });

      it('is durable when it resolves: a later process reads the events', async () => {
        await stream.produce('step-results', [event('a', 1)]);
        await stream.produce('run-events', [event('a', 2)]);
        await stream.close();

        const recorders = [new Recorder(), new Recorder()];
        const later = await harness.open();
        await later.stream.consume({ topic: 'step-results', group: 'readers' }, recorders[0]!.handler);
        await later.stream.consume({ topic: 'run-events', group: 'readers' }, recorders[1]!.handler);
        await Promise.all(recorders.map((recorder) => recorder.waitFor(1)));
        expect(recorders.map((recorder) => recorder.numbersOf('a'))).toEqual([[1], [2]]);
      });

      it('rejects after close', async () => {
        await stream.close();
        await expect(stream.produce('step-results', [event('a', 1)])).rejects.toThrow();
        expect(await stream.isReady()).toBe(false);
      });
    });

    describe('order', () => {
      it('keeps the order of each key, through many concurrent calls and several producers', async () => {
        const recorder = new Recorder();
        const producers = [stream, (await harness.open()).stream, (await harness.open()).stream];
        await stream.consume({ topic: 'step-results', group: 'readers' }, recorder.handler);
        const keys = 20;
        const perKey = 50;
        const calls: Promise<void>[] = [];
        for (let number = 0; number < perKey; number += 1) {
          for (let key = 0; key < keys; key += 1) {
            calls.push(producers[key % 3]!.produce('step-results', [event(`key-${key}`, number)]));
          }
        }
        await Promise.all(calls);
        await recorder.waitFor(keys * perKey);

        for (let key = 0; key < keys; key += 1) {
          expect(recorder.numbersOf(`key-${key}`)).toEqual(Array.from({ length: perKey }, (_, number) => number));
        }
      });

      it('numbers the events of a partition strictly upwards, and gives the offset to resume at', async () => {
        const recorder = new Recorder();
        await stream.consume({ topic: 'step-results', group: 'readers' }, recorder.handler);
        for (let number = 0; number < 30; number += 1) await stream.produce('step-results', [event('a', number)]);
        await recorder.waitFor(30);
        let next = 0n;
        for (const batch of recorder.batches) {
          for (const { offset } of batch.events) {
            expect(offset).toBeGreaterThanOrEqual(next);
            next = offset + 1n;
          }
          expect(batch.nextOffset).toBe(next);
        }
      });

      it('delivers one batch per partition at a time, and partitions concurrently', async () => {
        const running = new Map<number, number>();
        let mostPerPartition = 0;
        let mostPartitions = 0;
        let delivered = 0;
        const gate = new Gate();
        await stream.consume({ topic: 'step-results', group: 'readers' }, async (batch) => {
          running.set(batch.partition, (running.get(batch.partition) ?? 0) + 1);
          mostPerPartition = Math.max(mostPerPartition, ...running.values());
          mostPartitions = Math.max(mostPartitions, [...running.values()].filter((count) => count > 0).length);
          await gate.opened;
          running.set(batch.partition, (running.get(batch.partition) ?? 0) - 1);
          delivered += batch.events.length;
        });
        for (let round = 0; round < 5; round += 1) {
          await stream.produce(
            'step-results',
            Array.from({ length: 40 }, (_, key) => event(`key-${key}`, round)),
          );
        }
        await eventually('a slow handler does not hold up other partitions', () => mostPartitions >= 3);
        gate.open();
        await eventually('all events delivered', () => delivered === 200);
        expect(mostPerPartition).toBe(1);
      });
    });

    describe('groups', () => {
      it('gives each event to one member of a group, and all events to every other group', async () => {
        const other = await harness.open();
        const [first, second, auditor] = [new Recorder(), new Recorder(), new Recorder()];
        await stream.consume({ topic: 'step-results', group: 'workers' }, first.handler);
        await other.stream.consume({ topic: 'step-results', group: 'workers' }, second.handler);
        await other.stream.consume({ topic: 'step-results', group: 'auditors' }, auditor.handler);
        await untilShared([stream, other.stream], 'workers');

        await produceMany(stream, 40, 5);
        await auditor.waitFor(200);
        await eventually('the workers have all events', () => first.count + second.count >= 200);

        expect(first.count).toBeGreaterThan(0);
        expect(second.count).toBeGreaterThan(0);
        const workers = [...first.identities(), ...second.identities()];
        expect(workers).toHaveLength(200);
        expect(new Set(workers).size).toBe(200);
      });

      it('moves the partitions of a member that drains to the others', async () => {
        const other = await harness.open();
        const [first, second] = [new Recorder(), new Recorder()];
        await stream.consume({ topic: 'step-results', group: 'workers' }, first.handler);
        const leaving = await other.stream.consume({ topic: 'step-results', group: 'workers' }, second.handler);
        await untilShared([stream, other.stream], 'workers');
        await produceMany(stream, 40, 1);
        await eventually('first round', () => first.count + second.count === 40);

        await leaving.drain();
        const before = first.count;
        await produceMany(stream, 40, 1);
        await eventually('second round', () => first.count === before + 40);
      });

      it('loses nothing when a member dies in the middle of a batch', async () => {
        const dying = await harness.open();
        const survivor = new Recorder();
        const neverReturns = new Gate();
        let taken = 0;
        await dying.stream.consume({ topic: 'step-results', group: 'workers' }, async (batch) => {
          taken += batch.events.length;
          await neverReturns.opened;
        });
        await stream.consume({ topic: 'step-results', group: 'workers' }, survivor.handler);
        await untilShared([stream, dying.stream], 'workers');
        await produceMany(stream, 40, 1);
        await eventually('the other member works on its share', () => taken > 0 && survivor.count > 0);

        await dying.crash();
        await produceMany(stream, 40, 1);

        await eventually('the survivor has read everything', () => new Set(survivor.identities()).size === 80, 40_000);
        neverReturns.open();
      });
    });

    describe('positions', () => {
      it('goes on after the batches whose handler returned', async () => {
        const first = new Recorder();
        const subscription = await stream.consume({ topic: 'step-results', group: 'readers' }, first.handler);
        await produceMany(stream, 10, 2);
        await first.waitFor(20);
        await subscription.drain();
        await produceMany(stream, 10, 1);

        const second = new Recorder();
        await stream.consume({ topic: 'step-results', group: 'readers' }, second.handler);
        await second.waitFor(10);
        const seen = [...first.identities(), ...second.identities()];
        expect(seen).toHaveLength(30);
        expect(new Set(seen).size).toBe(30);
      });

      it('gives a batch again, before anything else of its partition, when its handler throws', async () => {
        const attempts: number[][] = [];
        await stream.consume({ topic: 'step-results', group: 'readers' }, async (batch) => {
          attempts.push(batch.events.map(numberOf));
          if (attempts.length <= 3) throw new Error('not yet');
        });
        await stream.produce('step-results', [event('a', 1), event('a', 2)]);
        await eventually('first attempt', () => attempts.length > 0);
        await stream.produce('step-results', [event('a', 3)]);
        await eventually('everything delivered', () => attempts.flat().includes(3));

        const first = attempts[0]!;
        expect(attempts.slice(0, 4)).toEqual([first, first, first, first]);
        expect(attempts.slice(3).flat()).toEqual([1, 2, 3]);
      });

      it('does not advance past a batch that was never finished', async () => {
        let refused = 0;
        const failing = await stream.consume({ topic: 'step-results', group: 'readers' }, () => {
          refused += 1;
          return Promise.reject(new Error('database is down'));
        });
        await stream.produce('step-results', [event('a', 1)]);
        await eventually('delivered', () => refused > 0);
        await failing.drain();

        const recorder = new Recorder();
        await stream.consume({ topic: 'step-results', group: 'readers' }, recorder.handler);
        await recorder.waitFor(1);
        expect(recorder.numbersOf('a')).toEqual([1]);
      });

      it('begins where the group itself says, and at the earliest event when it says null', async () => {
        const all = new Recorder();
        await stream.consume({ topic: 'step-results', group: 'all' }, all.handler);
        for (let number = 0; number < 20; number += 1) await stream.produce('step-results', [event('a', number)]);
        await stream.produce('step-results', [event('another', 0)]);
        await all.waitFor(21);
        const resumeAt = all.eventsOf('a')[12]!.offset;
        const partition = all.partitionOf('a');

        for (const group of ['mine', 'mine']) {
          const recorder = new Recorder();
          const subscription = await stream.consume(
            {
              topic: 'step-results',
              group,
              position: async (asked) => (asked === partition ? resumeAt : null),
            },
            recorder.handler,
          );
          await eventually(
            'replayed from the position',
            () =>
              recorder.numbersOf('a').length === 8 &&
              (recorder.eventsOf('another').length === 1 || all.partitionOf('another') === partition),
          );
          expect(recorder.numbersOf('a')).toEqual([12, 13, 14, 15, 16, 17, 18, 19]);
          await subscription.drain();
        }
      });

      it('follows a position that moved elsewhere, instead of repeating a batch that is refused', async () => {
        const { positions, position } = storedPositions();
        const accepted: number[] = [];
        let refusals = 0;
        await stream.consume({ topic: 'step-results', group: 'mine', position }, async (batch) => {
          const expected = positions.get(batch.partition) ?? 0n;
          if (batch.events[0]!.offset !== expected) {
            refusals += 1;
            throw new Error('does not begin at the stored position');
          }
          accepted.push(...batch.events.map(numberOf));
          positions.set(batch.partition, batch.nextOffset);
        });
        for (let number = 0; number < 4; number += 1) await stream.produce('step-results', [event('a', number)]);
        await eventually('read once', () => accepted.length === 4);

        // Somebody restored the database of the group: its position went back.
        positions.clear();
        await stream.produce('step-results', [event('a', 4)]);
        await eventually('read again from the restored position', () => accepted.length === 9);
        expect(refusals).toBeGreaterThan(0);
        expect(accepted).toEqual([0, 1, 2, 3, 0, 1, 2, 3, 4]);
      });
    });

    describe('drain', () => {
      it('waits for running handlers and delivers nothing afterwards', async () => {
        const gate = new Gate();
        const delivered: number[] = [];
        let running = 0;
        const subscription = await stream.consume({ topic: 'step-results', group: 'readers' }, async (batch) => {
          running += 1;
          delivered.push(...batch.events.map(numberOf));
          await gate.opened;
          running -= 1;
        });
        await stream.produce('step-results', [event('a', 1)]);
        await eventually('delivered', () => running === 1);
        await stream.produce('step-results', [event('a', 2)]);

        let isDrained = false;
        const drained = subscription.drain().finally(() => {
          isDrained = true;
        });
        await new Promise((resolve) => setImmediate(resolve));
        expect(isDrained).toBe(false);
        gate.open();
        await drained;

        expect(running).toBe(0);
        expect(delivered).toEqual([1]);
        await stream.produce('step-results', [event('a', 3)]);
        const recorder = new Recorder();
        await stream.consume({ topic: 'step-results', group: 'readers' }, recorder.handler);
        await recorder.waitFor(2);
        expect(recorder.numbersOf('a')).toEqual([2, 3]);
        expect(delivered).toEqual([1]);
      });

      it('does not wait for a handler that keeps failing', async () => {
        let failures = 0;
        const subscription = await stream.consume({ topic: 'step-results', group: 'readers' }, async () => {
          failures += 1;
          throw new Error('always');
        });
        await stream.produce('step-results', [event('a', 1)]);
        await eventually('failing', () => failures > 1);
        await subscription.drain();
        const afterDrain = failures;
        await new Promise((resolve) => setImmediate(resolve));
        expect(failures).toBe(afterDrain);
      });
    });

    describe('lag', () => {
      it('counts what is stored and has not taken effect, per partition of this process', async () => {
        const gate = new Gate();
        let started = 0;
        await stream.consume({ topic: 'step-results', group: 'readers' }, async () => {
          started += 1;
          await gate.opened;
        });
        await produceMany(stream, 1, 5);
        await eventually('started', () => started > 0);
        const total = async () => (await stream.lag()).reduce((sum, { lag }) => sum + lag, 0n);

        expect(await total()).toBe(5n);
        for (const entry of await stream.lag())
          expect(entry).toMatchObject({ topic: 'step-results', group: 'readers' });
        gate.open();
        await eventually('caught up', async () => (await total()) === 0n);
      });
    });

    it('is ready while its server answers, and not when it does not', async () => {
      expect(await stream.isReady()).toBe(true);
      await member.crash();
      expect(await stream.isReady()).toBe(false);
    });
  });
}

/** A handler that keeps what it is given. */
class Recorder {
  readonly batches: StreamBatch[] = [];
  readonly handler: BatchHandler = async (batch) => {
    this.batches.push(batch);
  };

  get count(): number {
    return this.batches.reduce((sum, batch) => sum + batch.events.length, 0);
  }

  eventsOf(key: string): StreamEvent[] {
    return this.batches.flatMap((batch) => batch.events.filter((candidate) => candidate.key === key));
  }

  numbersOf(key: string): number[] {
    return this.eventsOf(key).map(numberOf);
  }

  partitionOf(key: string): number | undefined {
    return this.batches.find((batch) => batch.events.some((candidate) => candidate.key === key))?.partition;
  }

  identities(): string[] {
    return this.batches.flatMap((batch) => batch.events.map(({ offset }) => `${batch.partition}/${offset}`));
  }

  /** Waits for so many events; more than that is a failure of the clause that counts. */
  waitFor(count: number): Promise<void> {
    return eventually(`${count} events delivered`, () => this.count >= count);
  }
}

class Gate {
  open: () => void = () => undefined;
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

function event(key: string, number: number): OutgoingEvent {
  return { key, value: text(String(number)) };
}

function numberOf({ value }: StreamEvent): number {
  return Number(new TextDecoder().decode(value));
}

function storedPositions(): StoredPositions {
  const positions = new Map<number, bigint>();
  return { positions, position: async (partition) => positions.get(partition) ?? null };
}

async function produceMany(stream: Stream, keys: number, perKey: number): Promise<void> {
  for (let number = 0; number < perKey; number += 1) {
    await stream.produce(
      'step-results',
      Array.from({ length: keys }, (_, key) => event(`key-${key}`, number)),
    );
  }
}

/** Waits until every stream owns a share of the group's partitions, and each partition is owned once. */
async function untilShared(streams: readonly Stream[], group: string): Promise<void> {
  await eventually(`${group} share the partitions`, async () => {
    const shares = await Promise.all(
      streams.map(async (stream) => (await stream.lag()).filter((entry) => entry.group === group)),
    );
    const partitions = shares.flat().map(({ partition }) => partition);
    return shares.every((share) => share.length > 0) && new Set(partitions).size === partitions.length;
  });
}
