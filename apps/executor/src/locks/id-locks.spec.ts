import { afterEach, describe, expect, it } from '@jest/globals';
import { ControllableClock, settled } from '#testing/clock';
import { FakeBroker, type FakeBus } from '#testing/fakes/fake-broker';
import type { Control, Notice, WorkerApi, WorkerPool } from '../workers/protocol.js';
import { WorkerLocks } from '../workers/worker-locks.js';
import { IdLocks } from './id-locks.js';

const never = new AbortController().signal;

/** An executor as far as locks go: workers that ask, and the part of the main thread that answers. */
class LockingExecutor {
  readonly bus: FakeBus;
  readonly locks: IdLocks;
  readonly workers: WorkerLocks[];
  readonly errors: unknown[] = [];
  isDead = false;
  #lost: (worker: number) => void = () => undefined;

  constructor(name: string, broker: FakeBroker, clock: ControllableClock, workers = 1) {
    this.bus = broker.connect();
    const listener = (worker: number, notice: Notice): void => {
      if (notice.kind === 'lock-request' || notice.kind === 'lock-release') this.locks.handle(worker, notice);
    };
    this.workers = Array.from({ length: workers }, (_, at) => new WorkerLocks((notice) => listener(at, notice)));
    const pool: WorkerPool = {
      size: workers,
      worker: (at) => ({ control: async (message: Control) => this.#control(at, message) }) as unknown as WorkerApi,
      onNotice: () => undefined,
      onLost: (lost) => (this.#lost = lost),
      close: async () => undefined,
    };
    const reportError = (error: unknown): void => void this.errors.push(error);
    this.locks = new IdLocks({ bus: this.bus, clock, instance: name, pool, reportError });
  }

  die(): void {
    this.isDead = true;
    this.bus.kill();
  }

  lose(worker: number): void {
    this.#lost(worker);
  }

  #control(at: number, message: Control): void {
    if (message.kind === 'lock-granted' && !this.isDead) this.workers[at]!.granted(message.requestId);
  }
}

describe('id locks over the cluster (runtime §9.3)', () => {
  let clock: ControllableClock;
  let executors: LockingExecutor[] = [];
  /** what is being sent now, by name of the caller */
  const sending = new Map<string, readonly string[]>();
  const releases = new Map<string, () => void>();

  afterEach(() => {
    for (const executor of executors) executor.locks.close();
    sending.clear();
    releases.clear();
  });

  function cluster(size: number, workers = 1): LockingExecutor[] {
    clock = new ControllableClock();
    const broker = new FakeBroker(clock);
    executors = Array.from({ length: size }, (_, at) => new LockingExecutor(`executor-${at}`, broker, clock, workers));
    return executors;
  }

  /** Sends records of these keys as soon as it may, until it is told to finish. */
  function send(name: string, worker: WorkerLocks, keys: readonly string[], signal = never, step = 'step'): void {
    const granted = (release: () => void): void => {
      sending.set(name, keys);
      releases.set(name, release);
    };
    void worker.acquire(step, keys, signal).then(granted, () => void sending.set(name, ['aborted']));
  }

  function finish(name: string): void {
    sending.delete(name);
    releases.get(name)?.();
  }

  const now = (): string[] => [...sending.keys()].sort();

  it('lets different keys go side by side, in all workers, and equal ones in turn', async () => {
    const [{ workers }] = cluster(1, 2) as [LockingExecutor];
    send('a', workers[0]!, ['1', '2']);
    send('b', workers[1]!, ['3']);
    send('c', workers[1]!, ['2', '4']);
    send('d', workers[0]!, ['4']);
    await settled();
    // d waits behind c, although nobody holds its key: c was first.
    expect(now()).toEqual(['a', 'b']);
    finish('a');
    await settled();
    expect(now()).toEqual(['b', 'c']);
    finish('c');
    await settled();
    expect(now()).toEqual(['b', 'd']);
  });

  it('keeps steps apart', async () => {
    const [{ workers }] = cluster(1) as [LockingExecutor];
    send('a', workers[0]!, ['1'], never, 'one');
    send('b', workers[0]!, ['1'], never, 'other');
    await settled();
    expect(now()).toEqual(['a', 'b']);
  });

  it('lets one executor at a time send for a step, each in its turn', async () => {
    const [first, second] = cluster(2) as [LockingExecutor, LockingExecutor];
    send('a', first.workers[0]!, ['1']);
    await settled();
    send('b', second.workers[0]!, ['1']);
    await clock.advance(1_000);
    expect(now()).toEqual(['a']);
    // Its turn is over: what comes now waits for the next one, even with a key of its own.
    await clock.advance(1_500);
    send('c', first.workers[0]!, ['2']);
    await clock.advance(1_000);
    expect(now()).toEqual(['a']);
    finish('a');
    await clock.advance(200);
    expect(now()).toEqual(['b']);
    finish('b');
    await clock.advance(200);
    expect(now()).toEqual(['c']);
  });

  it('holds its turn for as long as a request takes', async () => {
    const [first, second] = cluster(2) as [LockingExecutor, LockingExecutor];
    send('a', first.workers[0]!, ['1']);
    await settled();
    send('b', second.workers[0]!, ['1']);
    await clock.advance(60_000);
    expect(now()).toEqual(['a']);
    finish('a');
    await clock.advance(200);
    expect(now()).toEqual(['b']);
  });

  it('goes on elsewhere when an executor dies, once its lease is over', async () => {
    const [first, second] = cluster(2) as [LockingExecutor, LockingExecutor];
    send('a', first.workers[0]!, ['1']);
    await settled();
    send('b', second.workers[0]!, ['1']);
    first.die();
    sending.delete('a');
    await clock.advance(14_000);
    expect(now()).toEqual([]);
    await clock.advance(2_000);
    expect(now()).toEqual(['b']);
  });

  it('frees what a dead worker held', async () => {
    const [executor] = cluster(1, 2) as [LockingExecutor];
    send('a', executor.workers[0]!, ['1']);
    await settled();
    send('b', executor.workers[1]!, ['1']);
    executor.lose(0);
    await settled();
    expect(now()).toEqual(['a', 'b']);
  });

  it('stops waiting when the run is canceled, and stands in nobody’s way', async () => {
    const [{ workers }] = cluster(1) as [LockingExecutor];
    const cancel = new AbortController();
    send('a', workers[0]!, ['1']);
    send('b', workers[0]!, ['1', '2'], cancel.signal);
    send('c', workers[0]!, ['2']);
    await settled();
    expect(now()).toEqual(['a']);
    cancel.abort();
    await settled();
    expect([...sending]).toEqual([
      ['a', ['1']],
      ['b', ['aborted']],
      ['c', ['2']],
    ]);
  });
});
