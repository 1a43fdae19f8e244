import { setTimeout as sleep } from 'node:timers/promises';

/** Pauses between attempts, in milliseconds: each is twice the one before, from `firstMs` up to `maxMs`. */
export interface PauseRange {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** Between two deliveries of a batch whose handler throws. */
export const redeliveryPauses: PauseRange = { firstMs: 1_000, maxMs: 30_000 };

/** Between two attempts to reach a server that went away. */
export const reconnectPauses: PauseRange = { firstMs: 100, maxMs: 5_000 };

export function pauseAfter(failures: number, { firstMs, maxMs }: PauseRange): number {
  return Math.min(firstMs * 2 ** Math.max(failures - 1, 0), maxMs);
}

/** Waits, or returns at once when the signal is aborted meanwhile. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Waits for the work, but no longer than that. @throws what the work throws in time */
export async function settledWithin(work: Promise<void>, ms: number): Promise<void> {
  const inTime = new AbortController();
  try {
    await Promise.race([work, pause(ms, inTime.signal)]);
  } finally {
    inTime.abort();
  }
}

/** Whether the work succeeds, and in time. */
export async function succeedsWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  const inTime = new AbortController();
  const succeeded = work.then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([succeeded, pause(ms, inTime.signal).then(() => false)]);
  } finally {
    inTime.abort();
  }
}
