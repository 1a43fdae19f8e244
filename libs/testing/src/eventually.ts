import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits until the condition holds.
 *
 * @throws Error naming what was waited for, when it does not hold within `timeoutMs` (default 20 000)
 */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 20_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${what}`);
    await sleep(5);
  }
}
