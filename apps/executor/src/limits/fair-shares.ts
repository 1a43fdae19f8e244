export interface Claim {
  readonly name: string;
  readonly want: number;
}

/**
 * Divides `limit` among claims, max-min fair: nobody gets more than it wants, and nobody gets less than another one who
 * wants as much, but for the remainder. Everyone who knows the same claims computes the same shares.
 *
 * When there are more claimants than permits, each gets its turn: the order rotates with `turn`.
 */
export function fairShares(limit: number, claims: readonly Claim[], turn: number): ReadonlyMap<string, number> {
  const wanting = claims.filter((c) => c.want > 0).sort((a, b) => (a.name < b.name ? -1 : 1));
  const shares = new Map<string, number>(claims.map((c) => [c.name, 0]));
  const offset = wanting.length > limit && wanting.length > 0 ? (turn * Math.max(1, limit)) % wanting.length : 0;
  let open = [...wanting.slice(offset), ...wanting.slice(0, offset)];
  let left = limit;
  while (left > 0 && open.length > 0) {
    const each = Math.floor(left / open.length);
    if (each === 0) {
      for (const { name } of open.slice(0, left)) shares.set(name, shares.get(name)! + 1);
      break;
    }
    const stillOpen: Claim[] = [];
    for (const claim of open) {
      const has = shares.get(claim.name)!;
      const more = Math.min(each, claim.want - has);
      shares.set(claim.name, has + more);
      left -= more;
      if (has + more < claim.want) stillOpen.push(claim);
    }
    open = stillOpen;
  }
  return shares;
}
