import type { Bus } from '#bus';
import type { Clock } from '#connectors';
import type { Notice, WorkerPool } from '../workers/protocol.js';
import { fairShares } from './fair-shares.js';
import {
  claim,
  clockSkewMs,
  holderTtlMs,
  parseLimitEntry,
  recover,
  throttle,
  turnMs,
  type LimitEntry,
} from './limit-entry.js';

/** Payload: `<limitKey> <pausedUntilMs>`. */
export const throttledSignal = 'connection.throttled';
/** Payload: limit key. Someone waits for permits, or gave some back. */
export const limitChangedSignal = 'connection.limit';

const renewMs = 1_000;
const hungryMs = 250;
/** No more claims of one connection than this often, however many hints arrive. */
const minIntervalMs = 20;
const entryTtlMs = 2 * holderTtlMs;
const maxClaimTries = 8;

interface Connection {
  readonly limitKey: string;
  limit: number;
  recoversGradually: boolean;
  /** permits wanted, by worker */
  readonly wants: number[];
  /** permits that a worker may be using, by worker: what it was told, until it confirms less */
  readonly inForce: number[];
  /** grows with everything a worker is told: an older message's confirmation says nothing any more */
  readonly told: number[];
  held: number;
  /** no permit may be used from here on unless renewed, epoch ms */
  heldUntilMs: number;
  pausedUntilMs: number;
  isReduced: boolean;
  hintedAtMs: number;
  throttles: number;
  successes: number;
  /** wakes the loop */
  wake: (() => void) | null;
  wakePending: boolean;
  running: Promise<void> | null;
}

/**
 * This executor's part in the cluster-wide limits: one loop per connection that is in use claims permits from the shared
 * entry and hands them to the workers. Reference: docs/architecture.md "Limits", runtime §20.
 */
export class LimitAllocator {
  readonly #bus: Pick<Bus, 'leases' | 'signal' | 'onSignal'>;
  readonly #clock: Clock;
  readonly #instance: string;
  readonly #pool: WorkerPool;
  readonly #reportError: (error: unknown, doing: string) => void;
  readonly #connections = new Map<string, Connection>();
  readonly #stop = new AbortController();
  readonly #unsubscribe: (() => void)[];

  constructor(parts: {
    readonly bus: Pick<Bus, 'leases' | 'signal' | 'onSignal'>;
    readonly clock: Clock;
    readonly instance: string;
    readonly pool: WorkerPool;
    readonly reportError: (error: unknown, doing: string) => void;
  }) {
    this.#bus = parts.bus;
    this.#clock = parts.clock;
    this.#instance = parts.instance;
    this.#pool = parts.pool;
    this.#reportError = parts.reportError;
    this.#pool.onLost((worker) => this.#workerLost(worker));
    this.#unsubscribe = [
      this.#bus.onSignal(limitChangedSignal, (limitKey) => this.#wake(limitKey)),
      this.#bus.onSignal(throttledSignal, (payload) => this.#pausedElsewhere(payload)),
    ];
  }

  /** Permits held and wanted, summed over connections. */
  stats(): { readonly held: number; readonly wanted: number } {
    let held = 0;
    let wanted = 0;
    for (const connection of this.#connections.values()) {
      held += connection.held;
      wanted += sum(connection.wants);
    }
    return { held, wanted };
  }

  handle(worker: number, notice: Exclude<Notice, { kind: 'token-request' }>): void {
    switch (notice.kind) {
      case 'demand': {
        const connection = this.#connectionOf(notice.limitKey);
        connection.limit = notice.limit;
        connection.recoversGradually = notice.recoversGradually;
        connection.wants[worker] = notice.want;
        this.#start(connection);
        return this.#wake(notice.limitKey);
      }
      case 'throttled': {
        const connection = this.#connectionOf(notice.limitKey);
        const untilMs = this.#clock.now() + notice.pauseMs;
        connection.throttles += 1;
        this.#pause(connection, untilMs);
        this.#bus.signal(throttledSignal, `${notice.limitKey} ${untilMs}`);
        return this.#wake(notice.limitKey);
      }
      case 'succeeded':
        this.#connectionOf(notice.limitKey).successes += 1;
    }
  }

  /** Gives everything back; call when no work is under way. */
  async close(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#stop.abort();
    for (const connection of this.#connections.values()) connection.wake?.();
    await Promise.all([...this.#connections.values()].map(({ running }) => running ?? Promise.resolve()));
    await Promise.all([...this.#connections.values()].map((connection) => this.#release(connection)));
  }

  async #release(connection: Connection): Promise<void> {
    if (connection.held === 0) return;
    connection.wants.fill(0);
    connection.inForce.fill(0);
    try {
      await this.#claim(connection);
    } catch (error) {
      // It expires by itself.
      this.#reportError(error, 'giving back the permits of a connection');
    }
  }

  #start(connection: Connection): void {
    if (connection.running || this.#stop.signal.aborted || sum(connection.wants) === 0) return;
    connection.running = this.#loop(connection).finally(() => {
      connection.running = null;
      if (sum(connection.wants) > 0) this.#start(connection);
    });
  }

  async #loop(connection: Connection): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const startedMs = this.#clock.now();
      const claimed = this.#claim(connection).catch((error: unknown) => {
        this.#reportError(error, 'claiming permits of a connection');
        return hungryMs;
      });
      await this.#giveUpUnrenewed(connection, claimed);
      const nextMs = await claimed;
      if (sum(connection.wants) === 0 && connection.held === 0 && sum(connection.inForce) === 0) return;
      await this.#pauseBetween(connection, nextMs, startedMs);
    }
  }

  /** What is not renewed in time others take as free: the broker is away, or slow. */
  async #giveUpUnrenewed(connection: Connection, claimed: Promise<number>): Promise<void> {
    if (sum(connection.inForce) === 0) return;
    for (;;) {
      const leftMs = connection.heldUntilMs - this.#clock.now();
      if (leftMs <= 0) {
        connection.held = 0;
        this.#distribute(connection, 0);
        return;
      }
      const over = new AbortController();
      const isClaimed = await Promise.race([
        claimed.then(() => true),
        this.#clock.sleep(leftMs, over.signal).then(
          () => false,
          () => false,
        ),
      ]);
      over.abort();
      if (isClaimed && connection.heldUntilMs > this.#clock.now()) return;
    }
  }

  /** Waits until the time is up or something happened, whichever is first. */
  async #pauseBetween(connection: Connection, ms: number, startedMs: number): Promise<void> {
    const spentMs = this.#clock.now() - startedMs;
    if (!connection.wakePending) {
      const over = new AbortController();
      await Promise.race([
        new Promise<void>((resolve) => (connection.wake = resolve)),
        this.#clock.sleep(ms, over.signal).catch(() => undefined),
      ]);
      over.abort();
      connection.wake = null;
    }
    if (connection.wakePending && spentMs < minIntervalMs) await this.#clock.sleep(minIntervalMs - spentMs);
    connection.wakePending = false;
  }

  /** One compare-and-set round. @returns milliseconds until the next one, unless something happens before */
  async #claim(connection: Connection): Promise<number> {
    const { limitKey } = connection;
    const name = `limit.${limitKey}`;
    for (let attempt = 1; attempt <= maxClaimTries; attempt += 1) {
      const current = await this.#bus.leases.get(name);
      const { throttles, successes } = connection;
      const nowMs = this.#clock.now();
      const want = Math.min(connection.limit, sum(connection.wants));
      const paced = this.#paced(parseLimitEntry(current?.value), connection, nowMs);
      const claimed = claim(paced, this.#instance, want, sum(connection.inForce), connection.limit, nowMs);
      const written = await this.#bus.leases.put(
        name,
        JSON.stringify(claimed.entry),
        current?.revision ?? null,
        Math.max(entryTtlMs, (claimed.entry.pausedUntil ?? 0) - nowMs + holderTtlMs),
      );
      if (!written) continue;
      const wasReduced = connection.isReduced;
      connection.throttles -= throttles;
      connection.successes -= successes;
      connection.held = claimed.held;
      connection.heldUntilMs = nowMs + holderTtlMs - clockSkewMs;
      connection.isReduced = claimed.entry.level !== undefined;
      if ((claimed.entry.pausedUntil ?? 0) > connection.pausedUntilMs || wasReduced !== connection.isReduced) {
        this.#pause(connection, claimed.entry.pausedUntil ?? 0);
      }
      this.#distribute(connection, claimed.goal);
      const isHungry = claimed.goal < want;
      if (isHungry || claimed.isContended) {
        if (isHungry && sum(connection.inForce) === 0) this.#hint(connection, nowMs);
        return hungryMs;
      }
      return this.#workersTakeTurns(connection, claimed.goal) ? turnMs : renewMs;
    }
    return hungryMs;
  }

  /** Asks the others to look at the entry now; the hint comes back here too, so it must not answer itself. */
  #hint(connection: Connection, nowMs: number): void {
    if (nowMs - connection.hintedAtMs < hungryMs) return;
    connection.hintedAtMs = nowMs;
    this.#bus.signal(limitChangedSignal, connection.limitKey);
  }

  #paced(entry: LimitEntry, connection: Connection, nowMs: number): LimitEntry {
    const { limit, recoversGradually } = connection;
    if (connection.throttles > 0) return throttle(entry, limit, recoversGradually, connection.pausedUntilMs, nowMs);
    return connection.successes > 0 ? recover(entry, limit, recoversGradually, nowMs) : entry;
  }

  /** Tells each worker its share: first those who get less, so that the sum never exceeds what is held. */
  #distribute(connection: Connection, permits: number): void {
    const claims = connection.wants.map((want, worker) => ({ name: String(worker).padStart(4, '0'), want }));
    const shares = fairShares(permits, claims, Math.floor(this.#clock.now() / turnMs));
    const target = claims.map(({ name }) => shares.get(name) ?? 0);
    target.forEach((share, worker) => {
      if (share < connection.inForce[worker]!) this.#lower(connection, worker, share);
    });
    let free = permits - sum(connection.inForce);
    target.forEach((share, worker) => {
      const more = Math.min(free, share - connection.inForce[worker]!);
      if (more <= 0) return;
      free -= more;
      connection.inForce[worker]! += more;
      this.#tell(connection, worker, connection.inForce[worker]!).catch((error: unknown) =>
        this.#reportError(error, 'handing permits to a worker'),
      );
    });
  }

  #lower(connection: Connection, worker: number, share: number): void {
    this.#takeBack(connection, worker, share).catch((error: unknown) =>
      this.#reportError(error, 'taking permits from a worker'),
    );
  }

  async #takeBack(connection: Connection, worker: number, share: number): Promise<void> {
    const confirmed = this.#tell(connection, worker, share);
    const message = connection.told[worker];
    await confirmed;
    if (connection.told[worker] !== message || connection.inForce[worker]! <= share) return;
    connection.inForce[worker] = share;
    this.#wake(connection.limitKey);
    this.#bus.signal(limitChangedSignal, connection.limitKey);
  }

  #tell(connection: Connection, worker: number, permits: number): Promise<void> {
    connection.told[worker]! += 1;
    return this.#pool.worker(worker).control({ kind: 'capacity', limitKey: connection.limitKey, permits });
  }

  #pause(connection: Connection, untilMs: number): void {
    connection.pausedUntilMs = Math.max(connection.pausedUntilMs, untilMs);
    const { limitKey, pausedUntilMs, isReduced, throttles } = connection;
    for (let worker = 0; worker < this.#pool.size; worker += 1) {
      this.#pool
        .worker(worker)
        .control({ kind: 'pace', limitKey, pausedUntilMs, isReduced: isReduced || throttles > 0 })
        .catch((error: unknown) => this.#reportError(error, 'pausing a connection'));
    }
  }

  #pausedElsewhere(payload: string): void {
    const [limitKey = '', until = ''] = payload.split(' ');
    const connection = this.#connections.get(limitKey);
    const untilMs = Number(until);
    if (connection && Number.isFinite(untilMs) && untilMs > connection.pausedUntilMs) this.#pause(connection, untilMs);
  }

  #workersTakeTurns(connection: Connection, goal: number): boolean {
    return connection.wants.filter((want) => want > 0).length > goal;
  }

  #workerLost(worker: number): void {
    for (const connection of this.#connections.values()) {
      connection.wants[worker] = 0;
      connection.inForce[worker] = 0;
      this.#wake(connection.limitKey);
    }
  }

  #wake(limitKey: string): void {
    const connection = this.#connections.get(limitKey);
    if (!connection) return;
    connection.wakePending = true;
    connection.wake?.();
  }

  #perWorker(): number[] {
    return Array.from({ length: this.#pool.size }, () => 0);
  }

  #connectionOf(limitKey: string): Connection {
    let connection = this.#connections.get(limitKey);
    if (!connection) {
      connection = {
        limitKey,
        limit: 1,
        recoversGradually: false,
        wants: this.#perWorker(),
        inForce: this.#perWorker(),
        told: this.#perWorker(),
        hintedAtMs: 0,
        held: 0,
        heldUntilMs: 0,
        pausedUntilMs: 0,
        isReduced: false,
        throttles: 0,
        successes: 0,
        wake: null,
        wakePending: false,
        running: null,
      };
      this.#connections.set(limitKey, connection);
    }
    return connection;
  }
}

function sum(numbers: readonly number[]): number {
  let total = 0;
  for (const n of numbers) total += n;
  return total;
}
