import { z } from 'zod';
import { fairShares } from './fair-shares.js';

/**
 * The shared state of one connection's limit, kept as a lease entry under compare-and-set. What executors hold in sum
 * never exceeds the limit, because each takes only what the entry shows to be free; an executor that dies stops
 * renewing, and what it held becomes free when it expires.
 */
const holder = z.object({
  /** permits that this executor may use until `expires` */
  held: z.number().int().nonnegative(),
  /** permits it could use */
  want: z.number().int().nonnegative(),
  /** epoch ms */
  expires: z.number(),
});

const limitEntry = z.object({
  holders: z.record(z.string(), holder),
  /** permits allowed after the remote asked to slow down; absent: the connection's limit */
  level: z.number().int().positive().optional(),
  /** when `level` changed last, epoch ms */
  levelAt: z.number().optional(),
  /** no request before this instant, epoch ms */
  pausedUntil: z.number().optional(),
});
export type LimitEntry = z.infer<typeof limitEntry>;

/** An entry that cannot be read counts as empty; it is replaced by the next write. */
export function parseLimitEntry(value: string | undefined): LimitEntry {
  if (value === undefined) return { holders: {} };
  try {
    const result = limitEntry.safeParse(JSON.parse(value));
    return result.success ? result.data : { holders: {} };
  } catch {
    return { holders: {} };
  }
}

/** Clocks of two executors may differ by this much: permits are given up so long before they expire for others. */
export const clockSkewMs = 1_500;
/** A holder that was not renewed for so long has died. */
export const holderTtlMs = 6_000;
/** When more executors want a connection than it has permits, they take turns of this length. */
export const turnMs = 1_000;
/** While a level is reduced, one step up per this time of normal answers. */
export const increaseEveryMs = 1_000;

export interface Claimed {
  readonly entry: LimitEntry;
  /** what this executor may use now; never less than `inForce` */
  readonly held: number;
  /** what it should come down or up to */
  readonly goal: number;
  /** others want more than they have */
  readonly isContended: boolean;
}

/**
 * This executor's next write.
 *
 * @param inForce permits that workers may be using at this moment: they stay held until the workers gave them back
 */
export function claim(
  entry: LimitEntry,
  me: string,
  want: number,
  inForce: number,
  limit: number,
  nowMs: number,
): Claimed {
  const others = Object.entries(entry.holders).filter(
    ([name, { expires }]) => name !== me && expires + clockSkewMs > nowMs,
  );
  const heldByOthers = others.reduce((sum, [, { held }]) => sum + held, 0);
  const allowed = Math.min(limit, entry.level ?? limit);
  const claims = [...others.map(([name, other]) => ({ name, want: other.want })), { name: me, want }];
  const shares = fairShares(allowed, claims, Math.floor(nowMs / turnMs));
  const goal = Math.min(shares.get(me) ?? 0, Math.max(0, allowed - heldByOthers));
  const held = Math.max(goal, inForce);
  const holders = Object.fromEntries(others);
  if (want > 0 || held > 0) holders[me] = { held, want, expires: nowMs + holderTtlMs };
  return {
    entry: { ...entry, holders },
    held,
    goal,
    isContended: others.some(([name, other]) => other.held < Math.min(other.want, shares.get(name) ?? 0)),
  };
}

/** 429 or `Retry-After`: half the permits (or one, by quarters back up), at most one decrease per pause. */
export function throttle(
  entry: LimitEntry,
  limit: number,
  recoversGradually: boolean,
  pausedUntil: number,
  nowMs: number,
): LimitEntry {
  const isNewPause = nowMs >= (entry.pausedUntil ?? 0) && nowMs - (entry.levelAt ?? 0) >= increaseEveryMs;
  const current = Math.min(limit, entry.level ?? limit);
  const level = !isNewPause ? current : recoversGradually ? 1 : Math.max(1, Math.floor(current / 2));
  return {
    ...entry,
    level,
    levelAt: isNewPause ? nowMs : (entry.levelAt ?? nowMs),
    pausedUntil: Math.max(entry.pausedUntil ?? 0, pausedUntil),
  };
}

/** Normal answers: one permit more per second (a quarter of the limit when recovering gradually), until the limit. */
export function recover(entry: LimitEntry, limit: number, recoversGradually: boolean, nowMs: number): LimitEntry {
  if (entry.level === undefined) return entry;
  if (nowMs - (entry.levelAt ?? 0) < increaseEveryMs) return entry;
  const level = entry.level + (recoversGradually ? Math.max(1, Math.ceil(limit / 4)) : 1);
  if (level < limit) return { ...entry, level, levelAt: nowMs };
  const { level: _level, levelAt: _levelAt, pausedUntil: _pausedUntil, ...full } = entry;
  return full;
}
