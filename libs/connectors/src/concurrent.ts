/**
 * Runs an asynchronous function over items with a bound on how many are under way. Results keep the order of the items.
 * Rejects with the first rejection; callers that must not lose the other results return failures as values.
 */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  if (items.length === 1) return [await work(items[0]!, 0)];
  const results: R[] = [];
  results.length = items.length;
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]!, index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  return results;
}
