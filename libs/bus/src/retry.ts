import { setTimeout as sleep } from 'node:timers/promises';

export interface RetryOptions {
  /** Given up after this long, counted from the first try. */
  readonly forMs: number;
  /** Whether another try can succeed; anything else is thrown at once. */
  isTransient(error: unknown): boolean;
}

const firstDelayMs = 20;
const maxDelayMs = 1_000;

/** Repeats an idempotent request while the broker is away: doubling delays with jitter. */
export async function retryWhileUnavailable<T>(request: () => Promise<T>, options: RetryOptions): Promise<T> {
  const deadline = performance.now() + options.forMs;
  for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, maxDelayMs)) {
    try {
      return await request();
    } catch (error) {
      if (!options.isTransient(error) || performance.now() + delayMs > deadline) throw error;
      await sleep(delayMs * (0.5 + Math.random() / 2));
    }
  }
}
