import type { RouterCounts } from '#engine';

/** Sums the counts of routers over a bundle's pages. */
export class RouterTally {
  readonly #routers = new Map<number, RouterCounts>();

  add(counts: readonly RouterCounts[]): void {
    for (const { router, success, error, ignore, branches } of counts) {
      const known = this.#routers.get(router);
      if (!known) {
        this.#routers.set(router, { router, success, error, ignore, branches: [...branches] });
        continue;
      }
      known.success += success;
      known.error += error;
      known.ignore += ignore;
      branches.forEach((taken, branch) => (known.branches[branch]! += taken));
    }
  }

  totals(): RouterCounts[] {
    return [...this.#routers.values()];
  }
}
