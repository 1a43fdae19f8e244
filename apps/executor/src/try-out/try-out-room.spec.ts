import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeTryOutReply, encodeTryOut, encodeTryOutReply, signals, type TryOutReply, tryOutTopic } from '#contracts';
import { silentLogger } from '#telemetry';
import { eventually } from '#testing/eventually';
import { FakeBroker, type FakeBus } from '#testing/fakes/fake-broker';
import { systemClock } from '../system-clock.js';
import type { TryOutTask } from '../workers/protocol.js';
import { TryOutRoom } from './try-out-room.js';

const account = 'a'.repeat(24);
const other = 'b'.repeat(24);
const done: TryOutReply = { v: 1, kind: 'template', text: 'done' };

/** Workers that answer when they are told to. */
class HeldWorkers {
  readonly waiting = new Map<string, (reply: TryOutReply) => void>();
  readonly canceled: string[] = [];

  tryOut({ id }: TryOutTask): Promise<Uint8Array> {
    return new Promise((resolve) => this.waiting.set(id, (reply) => resolve(encodeTryOutReply(reply))));
  }

  async cancelTryOut(id: string): Promise<void> {
    this.canceled.push(id);
  }
}

let broker: FakeBroker;
let bus: FakeBus;
let workers: HeldWorkers;
let room: TryOutRoom;
let asked = 0;

beforeEach(() => {
  broker = new FakeBroker(systemClock);
  bus = broker.connect();
  workers = new HeldWorkers();
  room = new TryOutRoom({ bus, clock: systemClock, dispatcher: workers, logger: silentLogger });
  room.open();
});
afterEach(async () => {
  for (const answer of workers.waiting.values()) answer(done);
  await room.drain();
});

function ask(accountId = account, forMs = 60_000, template = 'x'): { id: string; reply: Promise<TryOutReply> } {
  const id = String((asked += 1)).padStart(24, '0');
  const deadline = new Date(Date.now() + forMs).toISOString();
  const payload = encodeTryOut(
    { v: 1, id, accountId, deadline },
    { kind: 'template', template, target: 'text', data: {} },
  );
  return { id, reply: bus.request(tryOutTopic, payload, 60_000).then(decodeTryOutReply) };
}

const full = { kind: 'refused', why: 'busy' };

describe('the room for try-outs', () => {
  it('holds four of an account at a time, and others’ beside them', async () => {
    for (let at = 0; at < 4; at += 1) void ask();
    await eventually('four run', () => workers.waiting.size === 4);
    expect(await ask().reply).toMatchObject(full);
    const theirs = ask(other);
    await eventually('another account’s runs', () => workers.waiting.size === 5);
    workers.waiting.get(theirs.id)!(done);
    expect(await theirs.reply).toEqual(done);
  });

  it('has room again when one is answered', async () => {
    const held = Array.from({ length: 4 }, () => ask());
    await eventually('four run', () => workers.waiting.size === 4);
    workers.waiting.get(held[0]!.id)!(done);
    expect(await held[0]!.reply).toEqual(done);
    void ask();
    await eventually('the next runs', () => workers.waiting.size === 5);
  });

  it('holds sixteen in all, and 32 MB', async () => {
    for (let at = 0; at < 16; at += 1) void ask(String(at % 4).repeat(24));
    await eventually('sixteen run', () => workers.waiting.size === 16);
    expect(await ask(other).reply).toMatchObject(full);
    for (const answer of workers.waiting.values()) answer(done);
    await eventually('all are answered', () => room.running === 0);
    const large = 'x'.repeat(5_900_000);
    for (let at = 0; at < 5; at += 1) void ask(String(at).repeat(24), 60_000, large);
    await eventually('five large ones run', () => room.running === 5);
    expect(await ask('c'.repeat(24), 60_000, large).reply).toMatchObject(full);
  });

  it('answers before the deadline, and has the worker stop', async () => {
    const late = ask(account, 600);
    expect(await late.reply).toMatchObject({ kind: 'refused', why: 'timeout' });
    expect(workers.canceled).toEqual([late.id]);
    expect(await ask(account, 0).reply).toMatchObject({ kind: 'refused', why: 'timeout' });
  });

  it('has the worker stop when the asker is gone, once, and only what runs here', async () => {
    const { id } = ask();
    await eventually('it runs', () => workers.waiting.has(id));
    bus.signal(signals.tryOutCanceled, 'f'.repeat(24));
    bus.signal(signals.tryOutCanceled, id);
    await eventually('it is canceled', () => workers.canceled.length > 0);
    expect(workers.canceled).toEqual([id]);
  });

  it('refuses what is no request', async () => {
    const reply = await bus.request(tryOutTopic, Buffer.from('nonsense'), 1_000);
    expect(decodeTryOutReply(reply)).toMatchObject({ kind: 'refused', why: 'invalid' });
  });

  it('answers what runs before it is drained, and takes no more', async () => {
    const held = ask();
    await eventually('it runs', () => workers.waiting.has(held.id));
    const drained = room.drain();
    await expect(ask().reply).rejects.toMatchObject({ code: 'bus_no_responders' });
    workers.waiting.get(held.id)!(done);
    await drained;
    expect(await held.reply).toEqual(done);
  });
});
