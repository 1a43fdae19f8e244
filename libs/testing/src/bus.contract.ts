import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bus, Delivery, OutgoingMessage, QueueName, Responder, Subscription } from '#bus';

/** One broker of its own for one test; any number of processes connect to it. */
export interface BusFixture {
  /** A bus as another process would have it. */
  connect(): Promise<Bus>;
  /** Ends a bus as a crash would: nothing is settled, nothing is drained. */
  crash(bus: Bus): Promise<void>;
  /** Closes what is still open and removes the broker's state. */
  stop(): Promise<void>;
}

const leaseMs = 1_000;
const patienceMs = 10_000;
const runA = '0123456789abcdef01234567';
const runB = '89abcdef0123456789abcdef';

/**
 * The definition of the port `Bus`: every adapter runs all of it.
 *
 * @param start gives each test an empty broker
 */
export function describeBus(name: string, start: () => Promise<BusFixture>): void {
  describe(`${name} as a bus`, () => {
    jest.setTimeout(patienceMs * 3);
    let fixture: BusFixture;
    let bus: Bus;

    beforeEach(async () => {
      fixture = await start();
      bus = await fixture.connect();
    });

    afterEach(() => fixture.stop());

    describe('publishing', () => {
      it('delivers id, key, headers and body as they were published', async () => {
        const body = Uint8Array.from({ length: 256 }, (_, index) => index);
        const headers = {
          millrace: '{"v":1,"pages":[1,2]}',
          traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
          name: 'grüße 日本',
          empty: '',
        };
        await bus.publish([{ queue: 'work.page', key: runA, id: `${runA}/0/p1@2`, headers, body }]);
        const { deliveries } = await collect(bus, 'work.page', 1);
        const [delivery] = deliveries;
        expect(delivery).toMatchObject({
          queue: 'work.page',
          key: runA,
          id: `${runA}/0/p1@2`,
          headers,
          bodyBytes: 256,
          attempt: 1,
        });
        expect(Array.from(await delivery!.body())).toEqual(Array.from(body));
      });

      it.each(['a.b', 'a b', '*', '>', 'ü/日本', '%2E', "it's", '__proto__'])(
        'takes %j as key and as id',
        async (text) => {
          await bus.publish([message('cmd.run.cancel', text, text)]);
          const { deliveries } = await collect(bus, 'cmd.run.cancel', 1);
          expect(deliveries[0]).toMatchObject({ key: text, id: text });
        },
      );

      it('carries an empty body and one of 6 MB', async () => {
        const big = new Uint8Array(6 * 1024 * 1024).fill(7);
        await bus.publish([
          { ...message('work.page', runA, 'empty'), body: new Uint8Array() },
          { ...message('work.page', runA, 'big'), body: big },
        ]);
        const { deliveries } = await collect(bus, 'work.page', 2);
        const sizes = await Promise.all(deliveries.map(async (d) => [d.id, d.bodyBytes, (await d.body()).byteLength]));
        expect(sizes).toHaveLength(2);
        expect(sizes).toContainEqual(['big', big.byteLength, big.byteLength]);
        expect(sizes).toContainEqual(['empty', 0, 0]);
      });

      it('writes an id once, however often and by whomever it is published', async () => {
        const other = await fixture.connect();
        await Promise.all([bus.publish([work('a')]), bus.publish([work('a')]), other.publish([work('a'), work('b')])]);
        await bus.publish([work('b'), work('c')]);
        expect(await bus.outstanding(runA)).toEqual({ total: 3, byQueue: { 'work.page': 3 } });
      });

      it('remembers an id after its message was acknowledged', async () => {
        await bus.publish([work('a')]);
        const { deliveries, subscription } = await collect(bus, 'work.page', 1);
        await deliveries[0]!.ack();
        await subscription.drain();
        await bus.publish([work('a')]);
        expect((await bus.outstanding(runA)).total).toBe(0);
      });

      it('remembers ids per queue', async () => {
        await bus.publish([message('work.page', runA, 'a'), message('work.retry', runA, 'a')]);
        expect(await bus.outstanding(runA)).toEqual({ total: 2, byQueue: { 'work.page': 1, 'work.retry': 1 } });
      });

      it('writes a flood of concurrent publishes exactly once each', async () => {
        const ids = Array.from({ length: 2_000 }, (_, index) => `m${index}`);
        await Promise.all([...ids, ...ids.slice(0, 50)].map((id) => bus.publish([work(id)])));
        expect((await bus.outstanding(runA)).total).toBe(2_000);
      });

      const refused: [string, Partial<OutgoingMessage>][] = [
        ['an empty id', { id: '' }],
        ['an empty key', { key: '' }],
        ['a control character in the id', { id: 'a\r\nNats-Expected-Stream: x' }],
        ['a NUL in the key', { key: 'a\0' }],
        ['a line break in a header', { headers: { a: 'x\r\ny: z' } }],
        ['a header name that is none', { headers: { 'a b:': 'x' } }],
        ['a header of the broker', { headers: { 'Nats-Msg-Id': 'x' } }],
        ['headers of more than 4 KB', { headers: { a: 'x'.repeat(4_096) } }],
        ['a body of more than 6 MB', { body: new Uint8Array(6 * 1024 * 1024 + 1) }],
      ];
      it.each(refused)('refuses %s and writes nothing of the call', async (_, wrong) => {
        const messages = [work('fine'), { ...work('wrong'), ...wrong }];
        await expect(bus.publish(messages)).rejects.toMatchObject({ code: 'bus_message_invalid' });
        await expect(bus.publishAtomic(messages)).rejects.toMatchObject({ code: 'bus_message_invalid' });
        expect((await bus.outstanding(runA)).total).toBe(0);
      });
    });

    describe('publishing atomically', () => {
      it('writes all messages, across queues and keys', async () => {
        const batch = [message('work.generate', runA, 'g'), work('p1'), work('p2'), message('work.page', runB, 'p1b')];
        expect(await bus.publishAtomic(batch)).toBe('published');
        expect(await bus.outstanding(runA)).toEqual({ total: 3, byQueue: { 'work.generate': 1, 'work.page': 2 } });
        expect((await bus.outstanding(runB)).total).toBe(1);
      });

      it("answers 'already' and writes nothing when an id repeats, wherever in the batch it stands", async () => {
        await bus.publish([work('old')]);
        for (const position of [0, 1, 2]) {
          const batch = [work(`new1-${position}`), work(`new2-${position}`)];
          batch.splice(position, 0, work('old'));
          expect(await bus.publishAtomic(batch)).toBe('already');
        }
        expect(await bus.publishAtomic([work('old')])).toBe('already');
        expect((await bus.outstanding(runA)).total).toBe(1);
      });

      it('leaves the ids of a refused batch free', async () => {
        await bus.publish([work('old')]);
        expect(await bus.publishAtomic([work('new'), work('old')])).toBe('already');
        expect(await bus.publishAtomic([work('new')])).toBe('published');
      });

      it('publishes one of two equal batches that race, from one process or two', async () => {
        const other = await fixture.connect();
        const batch = [work('a'), work('b')];
        const outcomes = await Promise.all([
          bus.publishAtomic(batch),
          bus.publishAtomic(batch),
          other.publishAtomic(batch),
        ]);
        expect(outcomes.sort()).toEqual(['already', 'already', 'published']);
        expect((await bus.outstanding(runA)).total).toBe(2);
      });

      it('keeps batches apart that travel together', async () => {
        await bus.publish([work('old')]);
        const outcomes = await Promise.all([
          bus.publishAtomic([work('a1'), work('a2')]),
          bus.publishAtomic([work('b1'), work('old')]),
          bus.publishAtomic([work('c1'), work('c2')]),
          bus.publish([work('d')]),
        ]);
        expect(outcomes.slice(0, 3)).toEqual(['published', 'already', 'published']);
        expect((await bus.outstanding(runA)).total).toBe(6);
      });

      it('takes 1 000 messages and no more, and none at all', async () => {
        const messages = Array.from({ length: 1_001 }, (_, index) => work(`m${index}`));
        await expect(bus.publishAtomic(messages)).rejects.toMatchObject({ code: 'bus_message_invalid' });
        expect(await bus.publishAtomic(messages.slice(0, 1_000))).toBe('published');
        expect(await bus.publishAtomic([])).toBe('published');
        expect((await bus.outstanding(runA)).total).toBe(1_000);
      });

      it('carries a batch of many megabytes', async () => {
        const page = new Uint8Array(5 * 1024 * 1024);
        const batch = ['a', 'b', 'c', 'd'].map((id) => ({ ...work(id), body: page }));
        expect(await bus.publishAtomic([...batch, message('work.generate', runA, 'next')])).toBe('published');
        expect((await bus.outstanding(runA)).total).toBe(5);
      });

      it('refuses an id that is twice in the batch, and commands together with work', async () => {
        const invalid = { code: 'bus_message_invalid' };
        await expect(bus.publishAtomic([work('a'), work('a')])).rejects.toMatchObject(invalid);
        const mixed = [work('a'), message('cmd.run.cancel', runA, 'c')];
        await expect(bus.publishAtomic(mixed)).rejects.toMatchObject(invalid);
        expect((await bus.outstanding(runA)).total).toBe(0);
      });
    });

    describe('settling', () => {
      it('counts a leased message until its acknowledgement resolves, and no longer', async () => {
        await bus.publish([work('a'), work('b')]);
        const { deliveries } = await collect(bus, 'work.page', 2);
        expect((await bus.outstanding(runA)).total).toBe(2);
        await deliveries[0]!.ack();
        expect((await bus.outstanding(runA)).total).toBe(1);
        await deliveries[1]!.ack();
        expect(await bus.outstanding(runA)).toEqual({ total: 0, byQueue: {} });
      });

      it('shows other processes the same count', async () => {
        const other = await fixture.connect();
        await bus.publish([work('a')]);
        expect((await other.outstanding(runA)).total).toBe(1);
        const { deliveries } = await collect(bus, 'work.page', 1);
        await deliveries[0]!.ack();
        expect((await other.outstanding(runA)).total).toBe(0);
      });

      it('never delivers an acknowledged message again', async () => {
        await bus.publish([work('a')]);
        const { deliveries } = await collect(bus, 'work.page', 1, { leaseMs });
        await deliveries[0]!.ack();
        await sleep(leaseMs * 1.5);
        expect(deliveries).toHaveLength(1);
      });

      it('delivers again after a nack, not before the delay, with the next attempt', async () => {
        await bus.publish([work('a')]);
        const { deliveries } = await collect(bus, 'work.page', 1);
        const handedBackAt = performance.now();
        await deliveries[0]!.nack(600);
        expect((await bus.outstanding(runA)).total).toBe(1);
        await until(() => deliveries.length === 2);
        expect(performance.now() - handedBackAt).toBeGreaterThan(550);
        expect(deliveries[1]).toMatchObject({ id: 'a', attempt: 2 });
        await deliveries[1]!.nack(0);
        await until(() => deliveries.length === 3);
        expect(deliveries[2]).toMatchObject({ id: 'a', attempt: 3 });
      });

      it('delivers again when the lease expires, with the next attempt', async () => {
        await bus.publish([work('a')]);
        const { deliveries } = await collect(bus, 'work.page', 2, { leaseMs });
        expect(deliveries.map((d) => [d.id, d.attempt])).toEqual([
          ['a', 1],
          ['a', 2],
        ]);
      });

      it('lets an extended lease last', async () => {
        await bus.publish([work('a')]);
        const { deliveries } = await collect(bus, 'work.page', 1, { leaseMs });
        for (let third = 0; third < 6; third += 1) {
          await sleep(leaseMs / 3);
          await deliveries[0]!.extend();
        }
        expect(deliveries).toHaveLength(1);
        await deliveries[0]!.ack();
        expect((await bus.outstanding(runA)).total).toBe(0);
      });

      it('accepts an acknowledgement after the lease: the effect is durable', async () => {
        await bus.publish([work('a')]);
        const { deliveries } = await collect(bus, 'work.page', 2, { leaseMs });
        await deliveries[0]!.ack();
        expect((await bus.outstanding(runA)).total).toBe(0);
        await deliveries[1]!.ack();
      });

      it('ignores handing back after the lease: the message is someone else’s', async () => {
        await bus.publish([work('a')]);
        const { deliveries } = await collect(bus, 'work.page', 2, { leaseMs });
        await deliveries[0]!.nack(0);
        await deliveries[1]!.extend();
        await sleep(leaseMs / 2);
        expect(deliveries).toHaveLength(2);
      });

      it('lets the first settlement count', async () => {
        await bus.publish([work('a'), work('b')]);
        const { deliveries } = await collect(bus, 'work.page', 2);
        const [a, b] = [...deliveries].sort((left, right) => left.id.localeCompare(right.id));
        await a!.ack();
        await a!.nack(0);
        await a!.reject('too late');
        await b!.nack(60_000);
        await b!.ack();
        expect((await bus.outstanding(runA)).total).toBe(1);
        expect(await bus.deadLetters.list(10)).toEqual([]);
      });

      it('delivers again when the handler throws', async () => {
        await bus.publish([work('a')]);
        const attempts: number[] = [];
        await bus.consume({ queue: 'work.page', consumerId: 'c', maxInFlight: 1 }, async (delivery) => {
          attempts.push(delivery.attempt);
          if (delivery.attempt === 1) throw new Error('a defect');
          await delivery.ack();
        });
        await until(async () => (await bus.outstanding(runA)).total === 0);
        expect(attempts).toEqual([1, 2]);
      });

      it('does not deliver again when the handler throws after it settled', async () => {
        await bus.publish([work('a')]);
        let calls = 0;
        await bus.consume({ queue: 'work.page', consumerId: 'c', maxInFlight: 1 }, async (delivery) => {
          calls += 1;
          await delivery.ack();
          throw new Error('a defect');
        });
        await until(() => calls === 1);
        await sleep(1_300);
        expect(calls).toBe(1);
      });
    });

    describe('dead letters', () => {
      it('keeps a rejected message with its reason, and delivers it no more', async () => {
        const before = Date.now();
        await bus.publish([{ ...work('a'), headers: { h: 'v' }, body: Buffer.from('poison') }]);
        const { deliveries } = await collect(bus, 'work.page', 1, { leaseMs });
        await deliveries[0]!.reject('not JSON: “\r\n”');
        expect((await bus.outstanding(runA)).total).toBe(0);
        const [letter, ...rest] = await bus.deadLetters.list(10);
        expect(rest).toEqual([]);
        expect(letter).toMatchObject({
          id: 'a',
          queue: 'work.page',
          key: runA,
          headers: { h: 'v' },
          reason: 'not JSON: “\r\n”',
        });
        expect(Buffer.from(letter!.body).toString()).toBe('poison');
        expect(Math.abs(Date.parse(letter!.rejectedAt) - before)).toBeLessThan(30_000);
        await sleep(leaseMs * 1.2);
        expect(deliveries).toHaveLength(1);
      });

      it('keeps the body of a message that was leased without it', async () => {
        await bus.publish([{ ...work('a'), body: Buffer.from('poison') }]);
        const { deliveries } = await collect(bus, 'work.page', 1, { headersOnly: true });
        await deliveries[0]!.reject('poison');
        const [letter] = await bus.deadLetters.list(1);
        expect(Buffer.from(letter!.body).toString()).toBe('poison');
      });

      it('lists the oldest first, as many as asked for', async () => {
        const { deliveries } = await collect(bus, 'work.page', 0);
        for (const id of ['c', 'a', 'b']) {
          await bus.publish([work(id)]);
          await until(() => deliveries.some((d) => d.id === id));
          await deliveries.find((d) => d.id === id)!.reject(id);
        }
        expect((await bus.deadLetters.list(2)).map((letter) => letter.id)).toEqual(['c', 'a']);
        expect((await bus.deadLetters.list(100)).map((letter) => letter.id)).toEqual(['c', 'a', 'b']);
      });

      it('replays a letter to its queue under its id, as a first attempt, once', async () => {
        await bus.publish([{ ...work('a/ü'), headers: { h: 'v' }, body: Buffer.from('x') }]);
        const { deliveries } = await collect(bus, 'work.page', 1);
        await deliveries[0]!.reject('first');
        expect(await bus.deadLetters.replay('a/ü')).toBe(true);
        await until(() => deliveries.length === 2);
        expect(deliveries[1]).toMatchObject({ id: 'a/ü', key: runA, headers: { h: 'v' }, attempt: 1 });
        expect(await bus.deadLetters.list(10)).toEqual([]);
        expect(await bus.deadLetters.replay('a/ü')).toBe(false);
        await deliveries[1]!.reject('second');
        expect((await bus.deadLetters.list(10)).map((letter) => letter.reason)).toEqual(['second']);
        expect(await bus.deadLetters.replay('a/ü')).toBe(true);
        await until(() => deliveries.length === 3);
      });

      it('knows which letters there are', async () => {
        expect(await bus.deadLetters.replay('unknown')).toBe(false);
        expect(await bus.deadLetters.list(10)).toEqual([]);
      });
    });

    describe('consuming', () => {
      it('delivers the body on demand to a consumer of headers', async () => {
        await bus.publish([{ ...work('a'), headers: { h: 'v' }, body: Buffer.from('the page') }]);
        const { deliveries } = await collect(bus, 'work.page', 1, { headersOnly: true });
        expect(deliveries[0]).toMatchObject({ headers: { h: 'v' }, bodyBytes: 8 });
        expect(Buffer.from(await deliveries[0]!.body()).toString()).toBe('the page');
      });

      it('says that the body is gone when someone else settled the message', async () => {
        await bus.publish([work('a')]);
        const { deliveries } = await collect(bus, 'work.page', 2, { headersOnly: true, leaseMs });
        await deliveries[1]!.ack();
        await expect(deliveries[0]!.body()).rejects.toMatchObject({ code: 'bus_message_gone' });
      });

      it('never has more than maxInFlight messages with a handler', async () => {
        await bus.publish(Array.from({ length: 40 }, (_, index) => work(`m${index}`)));
        let running = 0;
        let most = 0;
        await bus.consume({ queue: 'work.page', consumerId: 'c', maxInFlight: 3 }, async (delivery) => {
          running += 1;
          most = Math.max(most, running);
          await sleep(5);
          running -= 1;
          await delivery.ack();
        });
        await until(async () => (await bus.outstanding(runA)).total === 0);
        expect(most).toBe(3);
      });

      it('leases no more than maxInFlight messages', async () => {
        await bus.publish(Array.from({ length: 10 }, (_, index) => work(`m${index}`)));
        const { deliveries } = await hold(bus, { maxInFlight: 4 });
        await until(() => deliveries.length === 4);
        expect(await statusOf(bus, 'work.page')).toMatchObject({ pending: 6, leased: 4 });
      });

      it('bounds a pull in bytes', async () => {
        const body = new Uint8Array(300_000);
        await bus.publish(Array.from({ length: 6 }, (_, index) => ({ ...work(`m${index}`), body })));
        const { deliveries, release } = await hold(bus, { maxInFlight: 1, maxPullBytes: 700_000 });
        await until(() => deliveries.length === 1);
        const wide = await hold(await fixture.connect(), { maxInFlight: 100, maxPullBytes: 700_000 });
        await until(() => wide.deliveries.length === 5);
        release();
        wide.release();
      });

      it('delivers a message that is larger than a pull may be', async () => {
        const small = new Uint8Array(10);
        const big = new Uint8Array(500_000);
        await bus.publish([work('small1', small), work('big', big), work('small2', small)]);
        const { deliveries } = await collect(bus, 'work.page', 3, { maxPullBytes: 100_000 });
        expect(deliveries.map((d) => d.id).sort()).toEqual(['big', 'small1', 'small2']);
      });

      it('leases each message to one of the consumers that share a queue', async () => {
        const other = await fixture.connect();
        const seen: string[] = [];
        for (const [index, each] of [bus, bus, other].entries()) {
          await each.consume({ queue: 'work.page', consumerId: `c${index}`, maxInFlight: 5 }, async (delivery) => {
            seen.push(delivery.id);
            await sleep(1);
            await delivery.ack();
          });
        }
        await bus.publish(Array.from({ length: 300 }, (_, index) => work(`m${index}`)));
        await until(async () => (await bus.outstanding(runA)).total === 0);
        expect(seen).toHaveLength(300);
        expect(new Set(seen).size).toBe(300);
      });

      it('delivers soon what is published while consumers wait, also from another process', async () => {
        const { deliveries } = await collect(bus, 'cmd.run.cancel', 0);
        const other = await fixture.connect();
        await other.publish([message('cmd.run.cancel', 'warm', 'warm')]);
        await until(() => deliveries.length === 1);
        const publishedAt = performance.now();
        await other.publish([message('cmd.run.cancel', 'flow', 'a')]);
        await until(() => deliveries.length === 2);
        expect(performance.now() - publishedAt).toBeLessThan(500);
      });

      it('keeps queues apart', async () => {
        await bus.publish([message('work.page', runA, 'p'), message('work.retry', runA, 'r')]);
        const { deliveries } = await collect(bus, 'work.retry', 1);
        expect(deliveries.map((d) => d.id)).toEqual(['r']);
      });

      it('delivers nothing after drain, waits for handlers, and leaves the rest to others', async () => {
        await bus.publish(Array.from({ length: 20 }, (_, index) => work(`m${index}`)));
        const { deliveries, release, subscription } = await hold(bus, { maxInFlight: 2 });
        await until(() => deliveries.length === 2);
        let drained = false;
        const draining = subscription.drain().then(() => (drained = true));
        await sleep(50);
        expect(drained).toBe(false);
        release();
        await draining;
        await bus.publish([work('later')]);
        const rest = await collect(await fixture.connect(), 'work.page', 19);
        expect(deliveries).toHaveLength(2);
        expect(rest.deliveries.filter((d) => deliveries.some((held) => held.id === d.id))).toEqual([]);
      });
    });

    describe('crashing', () => {
      it('delivers what a dead consumer had leased to another, with the next attempt', async () => {
        await bus.publish([work('a'), work('b')]);
        const dying = await fixture.connect();
        const { deliveries } = await collect(dying, 'work.page', 2, { leaseMs });
        await deliveries.find((d) => d.id === 'a')!.ack();
        await fixture.crash(dying);
        const heir = await collect(bus, 'work.page', 1, { leaseMs });
        expect(heir.deliveries[0]).toMatchObject({ id: 'b', attempt: 2 });
        expect((await bus.outstanding(runA)).total).toBe(1);
      });

      it('lets nobody carry on again what a dead consumer carried on, when what it led to is done', async () => {
        await bus.publish([work('a')]);
        const dying = await fixture.connect();
        const { deliveries } = await collect(dying, 'work.page', 1, { leaseMs });
        const carriedOn = (carriesOn: Delivery): OutgoingMessage[] => [
          { ...work('b'), queue: 'work.generate', carriesOn },
          { ...work('c'), queue: 'work.generate' },
        ];
        expect(await dying.publishAtomic(carriedOn(deliveries[0]!))).toBe('published');
        await fixture.crash(dying);
        const done: string[] = [];
        const outcomes: string[] = [];
        await bus.consume({ queue: 'work.generate', consumerId: 'c', maxInFlight: 2, leaseMs }, async (delivery) => {
          await delivery.ack();
          done.push(delivery.id);
        });
        await until(() => done.length === 2);
        await bus.consume({ queue: 'work.page', consumerId: 'c', maxInFlight: 1, leaseMs }, async (delivery) => {
          outcomes.push(await bus.publishAtomic(carriedOn(delivery)));
          await delivery.ack();
        });
        await until(async () => (await bus.outstanding(runA)).total === 0);
        expect(outcomes.filter((outcome) => outcome !== 'already')).toEqual([]);
        expect(done.toSorted()).toEqual(['b', 'c']);
      });

      it('keeps messages, ids, dead letters and counts when every process ends', async () => {
        await bus.publish([work('a'), work('b'), message('cmd.run.cancel', 'flow', 'c')]);
        const { deliveries, subscription } = await collect(bus, 'work.page', 2);
        await subscription.drain();
        await deliveries.find((d) => d.id === 'a')!.reject('poison');
        await deliveries.find((d) => d.id === 'b')!.nack(0);
        await bus.close();

        const reopened = await fixture.connect();
        expect((await reopened.outstanding(runA)).total).toBe(1);
        expect(await reopened.publishAtomic([work('new'), work('b')])).toBe('already');
        expect((await reopened.deadLetters.list(10)).map((letter) => letter.id)).toEqual(['a']);
        expect((await collect(reopened, 'work.page', 1)).deliveries[0]).toMatchObject({ id: 'b' });
        expect((await collect(reopened, 'cmd.run.cancel', 1)).deliveries[0]).toMatchObject({ id: 'c', key: 'flow' });
      });
    });

    describe('status', () => {
      it('tells waiting and leased messages and the age of the oldest, for every queue', async () => {
        await bus.publish([work('a'), work('b'), work('c')]);
        const { deliveries } = await hold(bus, { maxInFlight: 1 });
        await until(() => deliveries.length === 1);
        await sleep(30);
        const status = await bus.status();
        expect(status.map((each) => each.queue).sort()).toEqual([
          'cmd.run.cancel',
          'work.generate',
          'work.page',
          'work.retry',
        ]);
        const page = await statusOf(bus, 'work.page');
        expect(page).toMatchObject({ pending: 2, leased: 1 });
        expect(page.oldestMs).toBeGreaterThanOrEqual(30);
        expect(page.oldestMs).toBeLessThan(60_000);
        expect(await statusOf(bus, 'work.retry')).toEqual({
          queue: 'work.retry',
          pending: 0,
          leased: 0,
          oldestMs: null,
        });
      });
    });

    describe('signals', () => {
      it('reach every listener of the topic in every process', async () => {
        const other = await fixture.connect();
        const heard: string[] = [];
        bus.onSignal('work.acked', (payload) => heard.push(`1 ${payload}`));
        bus.onSignal('work.acked', (payload) => heard.push(`2 ${payload}`));
        other.onSignal('work.acked', (payload) => heard.push(`3 ${payload}`));
        other.onSignal('run.canceled', (payload) => heard.push(`wrong ${payload}`));
        await until(() => {
          bus.signal('work.acked', runA);
          return ['1', '2', '3'].every((who) => heard.includes(`${who} ${runA}`));
        });
        expect(heard.some((line) => line.startsWith('wrong'))).toBe(false);
      });

      it.each([
        ['nothing', ''],
        ['any text', 'ü 日本 \0 \r\n "\'\\'],
        ['64 KB', 'ü'.repeat(32 * 1024)],
      ])('carry %s', async (_, payload) => {
        const other = await fixture.connect();
        const heard: string[] = [];
        other.onSignal('t', (each) => heard.push(each));
        await until(() => {
          if (heard.length === 0) bus.signal('t', payload);
          return heard.length > 0;
        });
        expect(heard[0] === payload).toBe(true);
      });

      it('are refused above 64 KB', () => {
        expect(() => bus.signal('t', 'x'.repeat(64 * 1024 + 1))).toThrow(/64|65536/);
      });

      it('reach a listener no more once it is removed, and others in spite of one that throws', async () => {
        const heard: string[] = [];
        const remove = bus.onSignal('t', () => heard.push('removed'));
        bus.onSignal('t', () => {
          throw new Error('a defect');
        });
        bus.onSignal('t', () => heard.push('kept'));
        remove();
        remove();
        bus.signal('t', '');
        await until(() => heard.length > 0);
        expect(heard).toEqual(['kept']);
      });
    });

    describe('requests', () => {
      const echo = async (payload: Uint8Array): Promise<Uint8Array> => payload;

      it.each([
        ['nothing', new Uint8Array()],
        ['any bytes', Uint8Array.from({ length: 256 }, (_, index) => index)],
        ['5 MB', new Uint8Array(5 * 1024 * 1024).fill(7)],
      ])('carry %s there and back', async (_, payload) => {
        await responding(bus, 'echo', echo);
        const answer = await bus.request('echo', payload, patienceMs);
        expect(Buffer.compare(answer, payload)).toBe(0);
      });

      it('each go to one responder, and all responders get some', async () => {
        const served = { a: 0, b: 0 };
        const by = (name: 'a' | 'b') => async () => {
          served[name] += 1;
          return Buffer.from(name);
        };
        await responding(bus, 'shared', by('a'));
        await responding(bus, 'shared', by('b'));
        const before = served.a + served.b;
        await until(async () => {
          await bus.request('shared', Buffer.from('x'), patienceMs);
          return served.a > 0 && served.b > 0;
        });
        const asked = 20;
        const seen = served.a + served.b;
        expect(seen).toBeGreaterThan(before);
        await Promise.all(Array.from({ length: asked }, () => bus.request('shared', Buffer.from('x'), patienceMs)));
        expect(served.a + served.b).toBe(seen + asked);
      });

      it('say at once that nobody responds, also once responders have drained', async () => {
        const asked = performance.now();
        await expect(bus.request('nobody', Buffer.from('x'), patienceMs)).rejects.toMatchObject({
          code: 'bus_no_responders',
        });
        expect(performance.now() - asked).toBeLessThan(patienceMs / 2);
        const responder = await responding(bus, 'gone', echo);
        await responder.drain();
        await until(() =>
          bus.request('gone', Buffer.from('x'), patienceMs).then(
            () => false,
            (error: { code?: string }) => error.code === 'bus_no_responders',
          ),
        );
      });

      it('end when time is up, and when the asker gives up', async () => {
        let asked = 0;
        bus.respond('silent', () => {
          asked += 1;
          return new Promise(() => undefined);
        });
        const inTime = () => bus.request('silent', Buffer.from('x'), 200);
        await until(() =>
          inTime().then(
            () => false,
            (error: { code?: string }) => error.code === 'bus_request_timeout',
          ),
        );
        const seen = asked;
        const giveUp = new AbortController();
        const waiting = bus.request('silent', Buffer.from('x'), patienceMs, giveUp.signal);
        const refused = expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
        await until(() => asked > seen);
        giveUp.abort();
        await refused;
      });

      it('fail with what a responder throws, and leave it responding', async () => {
        await responding(bus, 'fails', async (payload) => {
          if (payload.byteLength === 0) throw new Error('a defect: ü "\n"');
          return payload;
        });
        await expect(bus.request('fails', new Uint8Array(), patienceMs)).rejects.toMatchObject({
          code: 'bus_request_failed',
          message: expect.stringContaining('a defect: ü'),
        });
        expect((await bus.request('fails', Buffer.from('x'), patienceMs)).byteLength).toBe(1);
      });

      it('are refused above 6 MB, and so are their answers', async () => {
        const large = new Uint8Array(6 * 1024 * 1024 + 1);
        await responding(bus, 'large', async (payload) => (payload.byteLength === 1 ? payload : large));
        await expect(bus.request('large', large, patienceMs)).rejects.toMatchObject({ code: 'bus_message_invalid' });
        await expect(bus.request('large', new Uint8Array(2), patienceMs)).rejects.toThrow(/6291456/);
      });

      it('are answered before a drain ends', async () => {
        let release = (): void => undefined;
        let isAsked = false;
        const responder = await responding(bus, 'slow', async (payload) => {
          if (payload.byteLength === 1) return payload;
          isAsked = true;
          await new Promise<void>((resolve) => (release = resolve));
          return payload;
        });
        const answer = bus.request('slow', Buffer.from('xx'), patienceMs);
        await until(() => isAsked);
        const drained = responder.drain();
        release();
        await drained;
        expect((await answer).byteLength).toBe(2);
      });
    });

    describe('offers', () => {
      it('reach one of the processes that listen', async () => {
        const other = await fixture.connect();
        const heard: string[] = [];
        bus.onOffer('t', (payload) => heard.push(payload));
        other.onOffer('t', (payload) => heard.push(payload));
        other.onOffer('u', (payload) => heard.push(`wrong ${payload}`));
        bus.onSignal('t', (payload) => heard.push(`wrong ${payload}`));
        await until(() => {
          if (heard.length === 0) bus.offer('t', 'warm');
          return heard.length > 0;
        });
        await sleep(100);
        heard.length = 0;
        const payloads = Array.from({ length: 20 }, (_, i) => String(i));
        for (const payload of payloads) bus.offer('t', payload);
        await until(() => heard.length >= payloads.length);
        await sleep(50);
        expect(heard.toSorted()).toEqual(payloads.toSorted());
      });

      it('reach another process when their own does not listen', async () => {
        const other = await fixture.connect();
        const heard: string[] = [];
        other.onOffer('t', (payload) => heard.push(payload));
        await until(() => {
          if (heard.length === 0) bus.offer('t', 'ü');
          return heard.length > 0;
        });
        expect(heard[0]).toBe('ü');
      });

      it('are refused above 64 KB', () => {
        expect(() => bus.offer('t', 'x'.repeat(64 * 1024 + 1))).toThrow(/64|65536/);
      });

      it('reach a listener no more once it is removed', async () => {
        const heard: string[] = [];
        const remove = bus.onOffer('t', () => heard.push('removed'));
        bus.onOffer('t', () => heard.push('kept'));
        remove();
        await until(() => {
          if (heard.length === 0) bus.offer('t', '');
          return heard.length > 0;
        });
        expect(heard[0]).toBe('kept');
      });
    });

    describe('leases', () => {
      it('are written when absent, by one of those who try', async () => {
        const other = await fixture.connect();
        const entries = await Promise.all([
          bus.leases.put('shard/1', 'one', null, 10_000),
          bus.leases.put('shard/1', 'two', null, 10_000),
          other.leases.put('shard/1', 'three', null, 10_000),
        ]);
        const winners = entries.filter((entry) => entry !== null);
        expect(winners).toHaveLength(1);
        expect(await other.leases.get('shard/1')).toEqual(winners[0]);
        expect(await other.leases.get('shard/2')).toBeNull();
      });

      it('are renewed by who knows the revision, which changes with every write', async () => {
        const first = await bus.leases.put('l', 'v1', null, 10_000);
        const second = await bus.leases.put('l', 'v2', first!.revision, 10_000);
        expect(second!.revision).not.toBe(first!.revision);
        expect(await bus.leases.put('l', 'v3', first!.revision, 10_000)).toBeNull();
        expect(await bus.leases.put('l', 'v3', null, 10_000)).toBeNull();
        expect(await bus.leases.get('l')).toEqual({ value: 'v2', revision: second!.revision });
      });

      it('expire after their time to live, and are anybody’s then', async () => {
        const first = await bus.leases.put('l', 'v1', null, 400);
        expect(await bus.leases.put('l', 'v2', null, 400)).toBeNull();
        await until(async () => (await bus.leases.get('l')) === null);
        expect(await bus.leases.put('l', 'v1', first!.revision, 400)).toBeNull();
        expect(await bus.leases.release('l', first!.revision)).toBe(false);
        expect(await bus.leases.put('l', 'v2', null, 10_000)).toMatchObject({ value: 'v2' });
      });

      it('live on while they are renewed', async () => {
        let entry = await bus.leases.put('l', 'v', null, 600);
        for (let renewal = 0; renewal < 5; renewal += 1) {
          await sleep(200);
          entry = await bus.leases.put('l', 'v', entry!.revision, 600);
          expect(entry).not.toBeNull();
        }
      });

      it('are released by who holds them only', async () => {
        const first = await bus.leases.put('l', 'v1', null, 10_000);
        const second = await bus.leases.put('l', 'v2', first!.revision, 10_000);
        expect(await bus.leases.release('l', first!.revision)).toBe(false);
        expect(await bus.leases.release('l', second!.revision)).toBe(true);
        expect(await bus.leases.get('l')).toBeNull();
        expect(await bus.leases.release('l', second!.revision)).toBe(false);
        expect(await bus.leases.put('l', 'v3', null, 10_000)).not.toBeNull();
      });
    });

    describe('closing', () => {
      it('drains, and takes nothing more', async () => {
        await bus.publish([work('a')]);
        const { deliveries, release } = await hold(bus, { maxInFlight: 1 });
        await until(() => deliveries.length === 1);
        expect(await bus.isReady()).toBe(true);
        const closing = bus.close();
        release();
        await closing;
        await bus.close();
        expect(await bus.isReady()).toBe(false);
        await expect(bus.publish([work('b')])).rejects.toMatchObject({ code: 'bus_closed' });
        expect((await (await fixture.connect()).outstanding(runA)).total).toBe(0);
      });
    });
  });
}

function message(queue: QueueName, key: string, id: string, body: Uint8Array = Buffer.from(id)): OutgoingMessage {
  return { queue, key, id, body };
}

function work(id: string, body?: Uint8Array): OutgoingMessage {
  return message('work.page', runA, id, body);
}

type ConsumeOptions = Partial<Parameters<Bus['consume']>[0]>;

/** Leases messages without settling them, and waits for the first `count`. */
async function collect(
  bus: Bus,
  queue: QueueName,
  count: number,
  options: ConsumeOptions = {},
): Promise<{ deliveries: Delivery[]; subscription: Subscription }> {
  const deliveries: Delivery[] = [];
  const subscription = await bus.consume({ queue, consumerId: 'c', maxInFlight: 100, ...options }, async (delivery) => {
    deliveries.push(delivery);
  });
  await until(() => deliveries.length >= count);
  return { deliveries, subscription };
}

/** Handlers that return, acknowledging, only after `release()`. */
async function hold(
  bus: Bus,
  options: ConsumeOptions,
): Promise<{ deliveries: Delivery[]; release: () => void; subscription: Subscription }> {
  const deliveries: Delivery[] = [];
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const subscription = await bus.consume(
    { queue: 'work.page', consumerId: 'c', maxInFlight: 1, ...options },
    async (delivery) => {
      deliveries.push(delivery);
      await released;
      await delivery.ack();
    },
  );
  return { deliveries, release, subscription };
}

/** A responder that gets requests from now on: a subscription takes a moment to reach the broker. */
async function responding(bus: Bus, topic: string, responder: Responder): Promise<Subscription> {
  const subscription = bus.respond(topic, responder);
  await until(() =>
    bus.request(topic, Buffer.from('x'), patienceMs).then(
      () => true,
      (error: { code?: string }) => error.code !== 'bus_no_responders',
    ),
  );
  return subscription;
}

async function statusOf(bus: Bus, queue: QueueName) {
  const status = (await bus.status()).find((each) => each.queue === queue);
  if (status === undefined) throw new Error(`The status does not mention ${queue}.`);
  return status;
}

/** Waits until the condition holds. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Not so within ${patienceMs} ms: ${condition.toString()}`);
    await sleep(5);
  }
}
