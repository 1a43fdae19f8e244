interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/**
 * A clock that stands still until a test turns it. It satisfies the `Clock` of every service and of the connectors;
 * timers fire in order of their time, and callbacks they set meanwhile fire too when they fall into the same turn.
 */
export class ControllableClock {
  #nowMs: number;
  #timers: Timer[] = [];
  #order = 0;

  constructor(startMs: number | string = '2026-01-01T00:00:00.000Z') {
    this.#nowMs = typeof startMs === 'number' ? startMs : Date.parse(startMs);
  }

  /** epoch milliseconds */
  now(): number {
    return this.#nowMs;
  }

  setTimer(ms: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + Math.max(0, ms), order: this.#order++, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        cancel();
        reject(abortReason(signal));
      };
      const cancel = this.setTimer(ms, () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      });
      if (signal?.aborted) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /** Timers that wait to fire. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Turns the clock on, firing what falls due on the way and letting everything that follows from it settle. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settled();
    for (;;) {
      const next = this.#earliest();
      if (!next || next.atMs > untilMs) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
      await settled();
    }
    this.#nowMs = untilMs;
  }

  /** Jumps without firing: what a process sees that was suspended. Overdue timers fire on the next {@link advance}. */
  jump(ms: number): void {
    this.#nowMs += ms;
  }

  #earliest(): Timer | undefined {
    let earliest: Timer | undefined;
    for (const timer of this.#timers) {
      if (!earliest || timer.atMs < earliest.atMs || (timer.atMs === earliest.atMs && timer.order < earliest.order)) {
        earliest = timer;
      }
    }
    return earliest;
  }
}

/** More turns of the event loop than any chain of fakes needs, each of which answers one turn later. */
const turnsToSettle = 30;

/** Lets every promise that can settle without outside help do so. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < turnsToSettle; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

function abortReason(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new DOMException('The operation was aborted.', 'AbortError');
}
