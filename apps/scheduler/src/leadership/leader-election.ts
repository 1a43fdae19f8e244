import type { Leases } from '#bus';
import type { Clock } from '#clock';
import type { SchedulerTelemetry } from '../telemetry.js';

export interface LeaderElectionOptions {
  readonly leases: Leases;
  /** What is led. */
  readonly name: string;
  /** This process, stable over restarts: a leader that comes back takes its own lease over without waiting. */
  readonly instanceId: string;
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly telemetry: SchedulerTelemetry;
  /**
   * Leads until the signal aborts. Started each time leadership is won; the next attempt to win waits until it returned.
   * Must not throw.
   */
  lead(signal: AbortSignal): Promise<void>;
}

/**
 * One leader among replicas, by an expiring lease. The lease is renewed at a third of its time; a leader that could not
 * renew steps down before the lease can expire, counted from before the last write that succeeded. Clocks may differ;
 * only durations matter. Two leaders for a moment are possible all the same (a suspended process), so everything a
 * leader does is also guarded by a unique key or an idempotent effect.
 */
export class LeaderElection {
  readonly #options: LeaderElectionOptions;
  readonly #closing = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #isLeader = false;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
  }

  get isLeader(): boolean {
    return this.#isLeader;
  }

  start(): void {
    this.#running = this.#campaign();
  }

  /** Steps down, releases the lease so that another can lead at once, and stops. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #campaign(): Promise<void> {
    const { clock, ttlMs, telemetry } = this.#options;
    while (!this.#closing.signal.aborted) {
      try {
        const validFromMs = clock.now();
        const revision = await this.#acquire();
        if (revision !== null) await this.#reign(revision, validFromMs);
      } catch (error) {
        telemetry.failed('leader election failed; trying again', error);
      }
      await this.#pause(ttlMs / 5);
    }
  }

  async #acquire(): Promise<string | null> {
    const { leases, name, instanceId, ttlMs } = this.#options;
    const current = await leases.get(name);
    if (current !== null && current.value !== instanceId) return null;
    const entry = await leases.put(name, instanceId, current?.revision ?? null, ttlMs);
    return entry?.revision ?? null;
  }

  async #reign(firstRevision: string, firstValidFromMs: number): Promise<void> {
    const { leases, name, instanceId, ttlMs, clock, telemetry } = this.#options;
    const reign = new AbortController();
    // A margin of a fifth: effects begun just before the end must land while the lease still holds.
    const endAfter = (validFromMs: number): (() => void) =>
      clock.setTimer(validFromMs + ttlMs * 0.8 - clock.now(), () => reign.abort('the lease was not renewed in time'));
    let cancelEnd = endAfter(firstValidFromMs);
    let revision = firstRevision;
    this.#isLeader = true;
    telemetry.leadership({ isLeader: true, reason: 'the lease was free' });
    const leading = this.#options.lead(reign.signal);
    while (await this.#pause(ttlMs / 3, reign.signal)) {
      const renewedFromMs = clock.now();
      try {
        const entry = await unlessAborted(leases.put(name, instanceId, revision, ttlMs), reign.signal);
        if (entry === null) reign.abort('another replica leads');
        if (!entry) break;
        revision = entry.revision;
        cancelEnd();
        cancelEnd = endAfter(renewedFromMs);
      } catch (error) {
        telemetry.failed('the lease could not be renewed; trying again', error);
      }
    }
    this.#isLeader = false;
    cancelEnd();
    reign.abort('closing');
    await leading;
    telemetry.leadership({ isLeader: false, reason: String(reign.signal.reason) });
    try {
      await leases.release(name, revision);
    } catch (error) {
      telemetry.failed('the lease could not be released; it expires by itself', error);
    }
  }

  /** @returns false when the election is closing, or the signal aborted */
  async #pause(ms: number, signal?: AbortSignal): Promise<boolean> {
    const closing = this.#closing.signal;
    try {
      await this.#options.clock.sleep(ms, signal ? AbortSignal.any([closing, signal]) : closing);
      return true;
    } catch {
      return false; // aborted: the only way a sleep rejects
    }
  }
}

/** @returns undefined when the signal aborted first; the promise's own outcome is then ignored */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => resolve(undefined);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
