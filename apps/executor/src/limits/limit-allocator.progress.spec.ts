import { describe, expect, it } from '@jest/globals';
import type { Clock } from '#connectors';
import { ControllableClock, settled } from '#testing/clock';
import { FakeBroker } from '#testing/fakes/fake-broker';
import { connectionId, LimitedExecutor } from '../testing/limited-executor.js';

const stepMs = 25;
/** Longest that nothing may be finished: the share of a dead executor has to expire first. */
const patienceMs = 15_000;

/** Timers of Node may end a little before the wall clock has gone as far. */
function withEarlyTimers(clock: ControllableClock, random: () => number): Clock {
  return {
    now: () => clock.now(),
    sleep: (ms, signal) => clock.sleep(Math.max(1, ms - Math.floor(random() * 4)), signal),
  };
}

/** mulberry32: the same numbers for the same seed */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Two executors at a time share pages that each need one request on one connection; now and then one of them ends. */
class Pages {
  readonly clock = new ControllableClock();
  readonly #broker = new FakeBroker(this.clock);
  readonly #random: () => number;
  readonly #timers: Clock;
  #executors: { readonly executor: LimitedExecutor; asked: number }[] = [];
  #named = 0;
  #throttledUntilMs = 0;
  waiting: number;
  done = 0;
  peak = 0;
  killed = 0;
  throttled = 0;

  constructor(
    private readonly limit: number,
    pages: number,
    seed: number,
  ) {
    this.waiting = pages;
    this.#random = seeded(seed);
    this.#timers = withEarlyTimers(this.clock, this.#random);
  }

  async step(): Promise<void> {
    while (this.#executors.length < 2) this.#join();
    for (const each of this.#executors) this.#ask(each);
    await this.clock.advance(stepMs);
    await settled();
    const used = this.#executors.reduce((sum, { executor }) => sum + executor.used, 0);
    this.peak = Math.max(this.peak, used);
    for (const each of this.#executors) this.#finish(each);
    const chance = this.#random();
    if (chance < 0.002) this.#kill();
    else if (chance < 0.004) await this.#leave();
  }

  #join(): void {
    this.#named += 1;
    const executor = new LimitedExecutor(`executor-${this.#named}`, this.#broker, this.#timers, this.limit);
    this.#executors.push({ executor, asked: 0 });
  }

  /** Some pages are leased at a time; at times none, so that demand comes and goes. */
  #ask(each: { readonly executor: LimitedExecutor; asked: number }): void {
    if (this.#random() < 0.2) return;
    const more = Math.min(this.waiting, 1 + Math.floor(this.#random() * 6) - each.asked);
    if (more <= 0) return;
    this.waiting -= more;
    each.asked += more;
    each.executor.want(more);
  }

  #finish(each: { readonly executor: LimitedExecutor; asked: number }): void {
    const { executor } = each;
    const ended = Array.from({ length: executor.used }).filter(() => this.#random() < 0.8).length;
    const isBusy = this.#random() < 0.01 && this.clock.now() > this.#throttledUntilMs && ended > 0;
    if (isBusy) {
      const pauseMs = 100 + Math.floor(this.#random() * 1_500);
      this.#throttledUntilMs = this.clock.now() + pauseMs;
      this.throttled += 1;
      executor.workers[0]!.throttled(connectionId, pauseMs);
    } else if (ended > 0) executor.workers[0]!.succeeded(connectionId);
    executor.finish(ended, false);
    each.asked -= ended;
    if (isBusy) this.waiting += ended;
    else this.done += ended;
  }

  /** Its pages are delivered to others. */
  #kill(): void {
    const gone = this.#executors.shift()!;
    gone.executor.die();
    this.waiting += gone.asked;
    this.killed += 1;
  }

  async #leave(): Promise<void> {
    const gone = this.#executors.pop()!;
    gone.executor.finish(gone.executor.used, false);
    const closed = gone.executor.allocator.close();
    await this.clock.advance(stepMs);
    await closed;
    this.waiting += gone.asked;
  }
}

describe('executors that share a small limit, come, go, are killed and told to slow down', () => {
  it.each([
    { limit: 1, pages: 1_000 },
    { limit: 3, pages: 3_000 },
  ])(
    'finish all of $pages pages with never more than $limit requests',
    async ({ limit, pages }) => {
      const all = new Pages(limit, pages, 20_261_126 + limit);
      let progressAtMs = all.clock.now();
      for (let before = 0; all.done < pages;) {
        await all.step();
        expect(all.peak).toBeLessThanOrEqual(limit);
        if (all.done > before) progressAtMs = all.clock.now();
        before = all.done;
        expect(all.clock.now() - progressAtMs).toBeLessThan(patienceMs);
      }
      expect(all.peak).toBe(limit);
      expect(all.killed).toBeGreaterThan(0);
      expect(all.throttled).toBeGreaterThan(0);
    },
    60_000,
  );
});
