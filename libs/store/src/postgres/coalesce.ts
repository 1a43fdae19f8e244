import { setImmediate as turn } from 'node:timers/promises';

export interface CoalesceOptions {
  /** Items of one call at most. Default 500. */
  readonly maxItems?: number;
  /**
   * Whether a failure of a batch may be the fault of one item: its items are then tried again one by one, so that
   * only the guilty one fails. Default: never.
   */
  readonly isFaultOfItem?: (error: unknown) => boolean;
}

interface Waiting<I, O> {
  readonly item: I;
  readonly resolve: (result: O) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes one lane of many calls: one `run` is in flight at a time, and all items that arrive meanwhile go in the next.
 * There is no timer: load makes the batches, an idle lane runs in the next turn.
 *
 * @param run takes items in the order of their arrival; answers with one result each, in the same order
 */
export function coalesce<I, O>(
  run: (items: readonly I[]) => Promise<readonly O[]>,
  options: CoalesceOptions = {},
): (item: I) => Promise<O> {
  const { maxItems = 500, isFaultOfItem = () => false } = options;
  let waiting: Waiting<I, O>[] = [];
  let running = false;

  async function settle(batch: readonly Waiting<I, O>[]): Promise<void> {
    try {
      const results = await run(batch.map(({ item }) => item));
      if (results.length !== batch.length) throw new Error(`${batch.length} items got ${results.length} results`);
      batch.forEach(({ resolve }, i) => resolve(results[i] as O));
    } catch (error) {
      if (batch.length > 1 && isFaultOfItem(error)) for (const one of batch) await settle([one]);
      else for (const { reject } of batch) reject(error);
    }
  }

  async function drain(): Promise<void> {
    running = true;
    // What one read of a socket brought (messages, requests) calls in one turn: the first batch takes all of it.
    await turn();
    while (waiting.length > 0) {
      const batch = waiting.slice(0, maxItems);
      waiting = waiting.slice(maxItems);
      await settle(batch);
    }
    running = false;
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (!running) void drain();
    });
}
