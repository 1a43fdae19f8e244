import { Lane, type Pending } from './lane.js';

export interface CoalesceOptions {
  /** Items of one call at most. Default 500. */
  readonly maxItems?: number;
  /** Shortest time between the starts of two batches while there is company, see `LaneOptions`. Default 0. */
  readonly spacingMs?: number;
  /**
   * Whether a failure of a batch may be the fault of one item: its items are then tried again one by one, so that
   * only the guilty one fails. Default: never.
   */
  readonly isFaultOfItem?: (error: unknown) => boolean;
}

/**
 * Makes one lane of many calls: one `run` is in flight at a time, and all items that arrive meanwhile go in the next.
 *
 * @param run takes items in the order of their arrival; answers with one result each, in the same order
 */
export function coalesce<I, O>(
  run: (items: readonly I[]) => Promise<readonly O[]>,
  options: CoalesceOptions = {},
): (item: I) => Promise<O> {
  const { maxItems = 500, spacingMs = 0, isFaultOfItem = () => false } = options;

  async function settle(batch: readonly Pending<I, O>[]): Promise<void> {
    try {
      const results = await run(batch.map(({ item }) => item));
      if (results.length !== batch.length) throw new Error(`${batch.length} items got ${results.length} results`);
      batch.forEach((one, i) => one.resolve(results[i] as O));
    } catch (error) {
      if (batch.length === 1 || !isFaultOfItem(error)) throw error;
      for (const one of batch) await settle([one]).catch((failure: unknown) => one.reject(failure));
    }
  }

  const lane = new Lane<I, O>({ maxItems, spacingMs, send: settle });
  return (item) => lane.submit(item);
}
