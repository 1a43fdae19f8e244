import ivm from 'isolated-vm';
import { hostFailure } from '../protocol.js';

/** Asks the platform. @returns the outcome of the host call, as text; never rejects */
export type AskHost = (name: string, values: string) => Promise<string>;

/** Said by the gate itself: the function's time is up, and no further host call of it would be answered. */
export const lateOutcome = '[3]';

/**
 * Lets the host calls of one script instance through, while its functions have time. V8 does not end a thread that waits
 * for a host call (seen with isolated-vm 7.0), so every wait ends here, before V8's own time-out.
 */
export class HostGate {
  /**
   * The glue alone holds it. Whoever got hold of it could call the function, and nothing else: inherited members of what
   * it refers to cannot be reached through it.
   */
  readonly reference = new ivm.Reference((name: unknown, values: unknown) => this.#pass(String(name), String(values)));
  /** of `performance.now()`; null while the script is loaded */
  #deadline: number | null = null;

  constructor(private readonly ask: AskHost) {}

  /** A function runs, for so many milliseconds at most. */
  open(ms: number): void {
    this.#deadline = performance.now() + ms;
  }

  async #pass(name: string, values: string): Promise<string> {
    // A script is loaded by every worker that needs it, any number of times.
    if (this.#deadline === null) {
      return hostFailure('not_supported', `${name} cannot be called while a script is loaded.`);
    }
    const leftMs = this.#deadline - performance.now();
    if (leftMs <= 0) return lateOutcome;
    const { promise: late, resolve } = Promise.withResolvers<string>();
    const timer = setTimeout(() => resolve(lateOutcome), leftMs);
    try {
      return await Promise.race([this.ask(name, values), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
