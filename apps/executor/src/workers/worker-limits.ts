import type { Clock, ConnectionLimits, Permit } from '#connectors';
import type { ConnectionLimit } from '../limits/connection-limit.js';
import type { Notice } from './protocol.js';

interface Waiter {
  resolve(permit: Permit): void;
  reject(error: unknown): void;
  readonly signal: AbortSignal;
  readonly onAbort: () => void;
}

interface Gate {
  readonly limitKey: string;
  limit: number;
  recoversGradually: boolean;
  /** permits that the main thread lets this worker use */
  capacity: number;
  used: number;
  readonly waiting: Set<Waiter>;
  pausedUntilMs: number;
  isReduced: boolean;
  successReportedAtMs: number;
  /** what the main thread knows, and the most that was wanted since the last review */
  reportedWant: number;
  peakWant: number;
  reportQueued: boolean;
  /** resolves a pending `setCapacity` */
  settled: (() => void) | null;
}

const reviewMs = 500;
const successReportMs = 250;

/**
 * A worker's share of the cluster-wide limits: a semaphore per connection whose size the main thread sets. The hot path
 * is a counter; the main thread hears of it only when the demand changes.
 */
export class WorkerLimits implements ConnectionLimits {
  readonly #clock: Clock;
  readonly #notify: (notice: Notice) => void;
  readonly #limits = new Map<string, ConnectionLimit>();
  readonly #gates = new Map<string, Gate>();
  #isReviewing = false;

  constructor(clock: Clock, notify: (notice: Notice) => void) {
    this.#clock = clock;
    this.#notify = notify;
  }

  /** Makes a connection's limit known; the latest plan's word counts. */
  register(connectionId: string, limit: ConnectionLimit): void {
    this.#limits.set(connectionId, limit);
    const gate = this.#gates.get(limit.limitKey);
    if (gate && gate.limit !== limit.limit) {
      gate.limit = limit.limit;
      gate.recoversGradually = limit.recoversGradually;
      this.#report(gate);
    }
  }

  acquire(connectionId: string, signal: AbortSignal): Promise<Permit> {
    if (signal.aborted) return Promise.reject(abortError());
    const gate = this.#gateOf(connectionId);
    if (gate.waiting.size === 0 && this.#isOpen(gate)) return Promise.resolve(this.#grant(gate));
    return new Promise<Permit>((resolve, reject) => {
      const onAbort = (): void => {
        gate.waiting.delete(waiter);
        reject(abortError());
      };
      const waiter: Waiter = { resolve, reject, signal, onAbort };
      gate.waiting.add(waiter);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#wanted(gate);
    });
  }

  throttled(connectionId: string, pauseMs: number): void {
    const gate = this.#gateOf(connectionId);
    // Holds back this worker at once; the main thread tells everybody else.
    this.#pause(gate, this.#clock.now() + pauseMs);
    gate.isReduced = true;
    this.#notify({ kind: 'throttled', limitKey: gate.limitKey, pauseMs });
  }

  succeeded(connectionId: string): void {
    const gate = this.#gateOf(connectionId);
    if (!gate.isReduced) return;
    const now = this.#clock.now();
    if (now - gate.successReportedAtMs < successReportMs) return;
    gate.successReportedAtMs = now;
    this.#notify({ kind: 'succeeded', limitKey: gate.limitKey });
  }

  /** Permits in use. */
  inUse(limitKey: string): number {
    return this.#gates.get(limitKey)?.used ?? 0;
  }

  /** Resolves when no more than `permits` are in use. A later call takes the place of an earlier one. */
  setCapacity(limitKey: string, permits: number): Promise<void> {
    const gate = this.#gates.get(limitKey);
    if (!gate) return Promise.resolve();
    gate.capacity = permits;
    gate.settled?.();
    gate.settled = null;
    this.#serve(gate);
    if (gate.used <= permits) return Promise.resolve();
    return new Promise<void>((resolve) => (gate.settled = resolve));
  }

  setPace(limitKey: string, pausedUntilMs: number, isReduced: boolean): void {
    const gate = this.#gates.get(limitKey);
    if (!gate) return;
    gate.isReduced = isReduced;
    this.#pause(gate, pausedUntilMs);
  }

  #gateOf(connectionId: string): Gate {
    // A connection that no plan registered is treated as its own tightest limit: safe, and visible as slowness.
    const limit = this.#limits.get(connectionId) ?? { limitKey: connectionId, limit: 1, recoversGradually: false };
    let gate = this.#gates.get(limit.limitKey);
    if (!gate) {
      gate = {
        limitKey: limit.limitKey,
        limit: limit.limit,
        recoversGradually: limit.recoversGradually,
        capacity: 0,
        used: 0,
        waiting: new Set(),
        pausedUntilMs: 0,
        isReduced: false,
        successReportedAtMs: 0,
        reportedWant: 0,
        peakWant: 0,
        reportQueued: false,
        settled: null,
      };
      this.#gates.set(limit.limitKey, gate);
    }
    return gate;
  }

  #isOpen(gate: Gate): boolean {
    return gate.used < gate.capacity && gate.pausedUntilMs <= this.#clock.now();
  }

  #grant(gate: Gate): Permit {
    gate.used += 1;
    this.#wanted(gate);
    let isReleased = false;
    return {
      release: () => {
        if (isReleased) return;
        isReleased = true;
        gate.used -= 1;
        if (gate.settled && gate.used <= gate.capacity) {
          gate.settled();
          gate.settled = null;
        }
        this.#serve(gate);
      },
    };
  }

  #serve(gate: Gate): void {
    while (gate.waiting.size > 0 && this.#isOpen(gate)) {
      const [waiter] = gate.waiting as Iterable<Waiter>;
      if (!waiter) return;
      gate.waiting.delete(waiter);
      waiter.signal.removeEventListener('abort', waiter.onAbort);
      waiter.resolve(this.#grant(gate));
    }
  }

  #pause(gate: Gate, untilMs: number): void {
    if (untilMs <= gate.pausedUntilMs) return;
    gate.pausedUntilMs = untilMs;
    void this.#serveAfter(gate, untilMs);
  }

  /**
   * A timer may end before the clock has come to its time. Serving then would find the gate still closed, and with no
   * request under way nothing would open it again.
   */
  async #serveAfter(gate: Gate, untilMs: number): Promise<void> {
    for (let leftMs = untilMs - this.#clock.now(); leftMs > 0; leftMs = untilMs - this.#clock.now()) {
      await this.#clock.sleep(leftMs);
    }
    this.#serve(gate);
  }

  #wanted(gate: Gate): void {
    const want = Math.min(gate.limit, gate.used + gate.waiting.size);
    if (want > gate.peakWant) gate.peakWant = want;
    if (want > gate.reportedWant && !gate.reportQueued) {
      gate.reportQueued = true;
      // The rest of this tick's requests join the report.
      queueMicrotask(() => {
        gate.reportQueued = false;
        gate.reportedWant = Math.max(gate.reportedWant, gate.peakWant);
        this.#report(gate);
      });
    }
    void this.#review();
  }

  #report(gate: Gate): void {
    this.#notify({
      kind: 'demand',
      limitKey: gate.limitKey,
      limit: gate.limit,
      recoversGradually: gate.recoversGradually,
      want: gate.reportedWant,
    });
  }

  /** Demand falls by what was not wanted for a while, so that gaps between pages do not give permits away. */
  async #review(): Promise<void> {
    if (this.#isReviewing) return;
    this.#isReviewing = true;
    try {
      for (let wanted = true; wanted;) {
        await this.#clock.sleep(reviewMs);
        wanted = false;
        for (const gate of this.#gates.values()) {
          if (gate.peakWant < gate.reportedWant) {
            gate.reportedWant = gate.peakWant;
            this.#report(gate);
          }
          gate.peakWant = Math.min(gate.limit, gate.used + gate.waiting.size);
          if (gate.reportedWant > 0) wanted = true;
        }
      }
    } finally {
      this.#isReviewing = false;
    }
  }
}

function abortError(): DOMException {
  return new DOMException('The run was canceled, or the executor is shutting down.', 'AbortError');
}
