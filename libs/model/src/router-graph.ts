/** Copies of one record that the routers of a flow may make between them: bounds what a small flow can multiply. */
export const maxCopiesOfRecord = 1_000;
/** Branches of a flow, over all of its routers; they are counted one by one. */
export const maxBranches = 1_000;

/** What a graph of routers rests on, of a document that may not be valid yet. */
interface RouterNode {
  readonly id: string;
  readonly routeRecordsTo?: string | undefined;
  readonly branches: readonly { readonly nextRouterId?: string | undefined }[];
}

/**
 * Routers in an order in which every router comes before those that its branches lead to; null when a way leads back.
 * Branches that lead nowhere are taken for ends.
 */
export function orderRouters<T extends RouterNode>(routers: readonly T[]): readonly T[] | null {
  const byId = new Map(routers.map((router) => [router.id, router]));
  const waysTo = new Map(routers.map(({ id }) => [id, 0]));
  for (const router of byId.values()) {
    for (const next of nextOf(router, byId)) waysTo.set(next.id, (waysTo.get(next.id) ?? 0) + 1);
  }
  const ordered = [...byId.values()].filter(({ id }) => waysTo.get(id) === 0);
  // Grows while it is read.
  for (const router of ordered) {
    for (const next of nextOf(router, byId)) {
      const left = (waysTo.get(next.id) ?? 0) - 1;
      waysTo.set(next.id, left);
      if (left === 0) ordered.push(next);
    }
  }
  return ordered.length === byId.size ? ordered : null;
}

function* nextOf<T extends RouterNode>(router: T, byId: ReadonlyMap<string, T>): Generator<T> {
  for (const { nextRouterId } of router.branches) {
    const next = nextRouterId === undefined ? undefined : byId.get(nextRouterId);
    if (next !== undefined) yield next;
  }
}

/**
 * Most copies of one record that come out of each router, by id: branches add up where a record takes all that match, and
 * each copy goes on by itself behind a merge (decision 8).
 *
 * @param ordered routers as {@link orderRouters} gives them
 */
export function countCopies(ordered: readonly RouterNode[]): ReadonlyMap<string, number> {
  const copies = new Map<string, number>();
  for (const { id, routeRecordsTo, branches } of ordered.toReversed()) {
    const behind = branches.map(({ nextRouterId }) => copies.get(nextRouterId ?? '') ?? 1);
    const count =
      routeRecordsTo === 'all_matching_branches' ? behind.reduce((sum, n) => sum + n, 0) : Math.max(...behind);
    copies.set(id, Math.max(1, count));
  }
  return copies;
}
