import type { Clock } from '#clock';

/** A task that takes long is run less often, so that all its runs together take at most a tenth of the time. */
const restPerWork = 9;

/**
 * Runs a task again and again, `ms` or more after it last ended, until the signal aborts. A task that throws is reported
 * and runs again.
 */
export async function every(
  clock: Clock,
  ms: number,
  task: () => Promise<void>,
  failed: (error: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const beganMs = clock.now();
    try {
      await task();
    } catch (error) {
      failed(error);
    }
    try {
      await clock.sleep(Math.max(ms, (clock.now() - beganMs) * restPerWork), signal);
    } catch {
      return; // aborted: the only way a sleep rejects
    }
  }
}
