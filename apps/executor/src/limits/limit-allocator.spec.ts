import { afterEach, describe, expect, it } from '@jest/globals';
import { ControllableClock, settled } from '#testing/clock';
import { FakeBroker } from '#testing/fakes/fake-broker';
import { connectionId, LimitedExecutor } from '../testing/limited-executor.js';

describe('limits of connections over the cluster', () => {
  let clock: ControllableClock;
  let broker: FakeBroker;
  let executors: LimitedExecutor[] = [];
  let limit = 0;
  let peak = 0;

  function cluster(names: readonly string[], permits: number, workers = 1): LimitedExecutor[] {
    clock = new ControllableClock();
    broker = new FakeBroker(clock);
    limit = permits;
    peak = 0;
    executors = names.map((name) => new LimitedExecutor(name, broker, clock, permits, workers));
    return executors;
  }

  /** Passes time in small steps, checking at each that the sum over executors keeps to the limit. */
  async function pass(ms: number, eachStep: () => void = () => undefined): Promise<void> {
    for (let at = 0; at < ms; at += 25) {
      await clock.advance(25);
      await settled();
      eachStep();
      await settled();
      const used = executors.reduce((sum, executor) => sum + executor.used, 0);
      peak = Math.max(peak, used);
      expect(used).toBeLessThanOrEqual(limit);
    }
  }

  afterEach(() => {
    executors = [];
  });

  it('gives one executor everything it wants, up to the limit', async () => {
    const [a] = cluster(['a'], 25);
    a!.want(40);
    await pass(100);
    expect(a!.used).toBe(25);
  });

  it('asks the broker once for permits that are used on and off, and gives them back when they are not', async () => {
    const [a] = cluster(['a'], 25);
    a!.want(8);
    await pass(100);
    const rounds = () => broker.leases.get(`limit.${connectionId}`)?.revision;
    const before = rounds();
    for (let i = 0; i < 10; i += 1) {
      a!.finish(8, false);
      a!.want(1 + (i % 8));
      await pass(25);
      expect(a!.used).toBe(1 + (i % 8));
      a!.finish(8, false);
    }
    expect(rounds()).toBe(before);
    await pass(10_000);
    expect(a!.allocator.stats()).toEqual({ held: 0, wanted: 0 });
  });

  it('shares with an executor that comes later, without ever exceeding the limit', async () => {
    const [a, b] = cluster(['a', 'b'], 10);
    a!.want(30);
    await pass(200);
    expect(a!.used).toBe(10);
    b!.want(30);
    await pass(3_000, () => {
      a!.finish(2);
      b!.finish(2);
    });
    expect([a!.used, b!.used]).toEqual([5, 5]);
    expect(peak).toBe(10);
  });

  it('gives idle permits to who wants them', async () => {
    const [a, b] = cluster(['a', 'b'], 10);
    a!.want(5);
    b!.want(5);
    await pass(500);
    a!.finish(5, false);
    b!.want(20);
    await pass(3_000, () => b!.finish(1));
    expect(b!.used).toBe(10);
  });

  it('frees the permits of an executor that died, once they expired', async () => {
    const [a, b] = cluster(['a', 'b'], 4);
    a!.want(10);
    await pass(500);
    b!.want(10);
    a!.die();
    await pass(5_000);
    expect(b!.used).toBe(0);
    await pass(9_000);
    expect(b!.used).toBe(4);
  });

  it('lets executors take turns on a connection with one permit', async () => {
    const [a, b] = cluster(['a', 'b'], 1);
    a!.want(500);
    b!.want(500);
    let byA = 0;
    let byB = 0;
    await pass(8_000, () => {
      byA += a!.used;
      byB += b!.used;
      a!.finish(1);
      b!.finish(1);
    });
    expect(peak).toBe(1);
    expect(byA).toBeGreaterThan(60);
    expect(byB).toBeGreaterThan(60);
  });

  it('lets the workers of one executor share', async () => {
    const [a] = cluster(['a'], 6, 2);
    a!.want(10, 0);
    await pass(200);
    expect(a!.used).toBe(6);
    a!.want(10, 1);
    let byFirst = 0;
    let bySecond = 0;
    await pass(2_000, () => {
      a!.finish(1, false);
      const [first, second] = a!.workers;
      byFirst += first!.inUse(connectionId);
      bySecond += second!.inUse(connectionId);
      a!.want(2, 0);
      a!.want(2, 1);
    });
    expect(bySecond / byFirst).toBeGreaterThan(0.6);
  });

  it('pauses the whole connection everywhere when the remote asks for it, and comes back slowly', async () => {
    const [a, b] = cluster(['a', 'b'], 8);
    a!.want(40);
    b!.want(40);
    await pass(2_000, () => {
      a!.finish(1);
      b!.finish(1);
    });
    a!.workers[0]!.throttled(connectionId, 2_000);
    await pass(100);
    a!.finish(8);
    b!.finish(8);
    await pass(1_500);
    expect(a!.used + b!.used).toBe(0);
    await pass(1_000);
    const after = a!.used + b!.used;
    expect(after).toBeGreaterThan(0);
    expect(after).toBeLessThanOrEqual(4);
    await pass(8_000, () => {
      a!.workers[0]!.succeeded(connectionId);
      a!.finish(1);
      b!.finish(1);
    });
    expect(a!.used + b!.used).toBe(8);
  });

  it('stops using permits that it could not renew, before others may take them', async () => {
    const [a, b] = cluster(['a', 'b'], 4);
    a!.want(100);
    await pass(500, () => a!.finish(1));
    b!.want(10);
    // The broker is away for a: it hears and says nothing, but its requests go on.
    a!.bus.kill();
    await pass(16_000, () => a!.finish(1));
    expect(a!.used).toBe(0);
    expect(b!.used).toBe(4);
  });

  it('gives everything back when it closes', async () => {
    const [a, b] = cluster(['a', 'b'], 4);
    a!.want(4);
    await pass(200);
    b!.want(4);
    a!.finish(4, false);
    const closed = a!.allocator.close();
    await pass(1_000);
    await closed;
    expect(b!.used).toBe(4);
  });

  it('does not give a permit to a request that was canceled while it waited', async () => {
    const [a] = cluster(['a'], 1);
    a!.want(1);
    await pass(100);
    const abort = new AbortController();
    const waiting = a!.workers[0]!.acquire(connectionId, abort.signal);
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    a!.want(1);
    a!.finish(1, false);
    await pass(100);
    expect(a!.used).toBe(1);
  });
});
