const firstMs = 1_000;
const maxMs = 30_000;

/** How long a message that could not be processed waits before it is delivered again. @param attempt 1 at first delivery */
export function redeliveryDelayMs(attempt: number): number {
  return Math.min(maxMs, firstMs * 2 ** Math.min(10, attempt - 1));
}
