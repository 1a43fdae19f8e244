import type { PreparedRecord } from '#engine';

/** Takes the locks of some records; the result gives them back. */
export type Lock = (keys: readonly string[]) => Promise<() => void>;

/**
 * Sends records that carry locks: those with one key one after the other, in their order, and none of them while anybody
 * else sends one. Outcomes keep the order of the records.
 *
 * @param unlocked outcomes of records whose locks were not to be had
 */
export async function inTurns<O>(
  records: readonly PreparedRecord[],
  lock: Lock,
  send: (some: readonly PreparedRecord[]) => Promise<readonly O[]>,
  unlocked: (some: readonly PreparedRecord[], error: unknown) => readonly O[],
): Promise<readonly O[]> {
  const outcomes: O[] = [];
  outcomes.length = records.length;
  for (const positions of turnsOf(records)) {
    const some = positions.map((position) => records[position]!);
    const answered = await sendLocked(some, lock, send, unlocked);
    positions.forEach((position, at) => (outcomes[position] = answered[at]!));
  }
  return outcomes;
}

async function sendLocked<O>(
  some: readonly PreparedRecord[],
  lock: Lock,
  send: (some: readonly PreparedRecord[]) => Promise<readonly O[]>,
  unlocked: (some: readonly PreparedRecord[], error: unknown) => readonly O[],
): Promise<readonly O[]> {
  let release: () => void;
  try {
    release = await lock(some.flatMap(({ lockKey }) => lockKey ?? []));
  } catch (error) {
    return unlocked(some, error);
  }
  try {
    return await send(some);
  } finally {
    release();
  }
}

/** Positions by turn: the first record of each key, then the second, and so on. Records without a key go first. */
function turnsOf(records: readonly PreparedRecord[]): readonly (readonly number[])[] {
  const turns: number[][] = [];
  const seen = new Map<string, number>();
  records.forEach(({ lockKey }, position) => {
    const turn = lockKey === undefined ? 0 : (seen.get(lockKey) ?? 0);
    if (lockKey !== undefined) seen.set(lockKey, turn + 1);
    (turns[turn] ??= []).push(position);
  });
  return turns;
}
