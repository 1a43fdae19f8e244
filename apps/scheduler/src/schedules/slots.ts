import { Cron } from 'croner';
import { isCron, parseCron } from '#model/cron';
import { isZone, nextTransition, offsetMs } from './zone.js';

/** The instants at which a schedule is due. */
export interface Slots {
  /** First slot strictly after the instant, epoch milliseconds; null when there is none. */
  after(ms: number): number | null;
}

/**
 * Compiles a schedule of six fields in a time zone. Reference: runtime §19, decision 35.
 *
 * A slot is an instant whose local time matches. Daylight saving is therefore not compensated: a local time that the
 * clock skips is no instant, so a daily 02:30 is lost on that day; a local time that comes twice is two instants, so it
 * fires twice. (Cron libraries move or merge fixed times instead, which is why croner only matches local time here.)
 *
 * @param zone IANA name; null is UTC
 * @returns why there are no slots, when the schedule or the zone is invalid
 */
export function compileSlots(schedule: string, zone: string | null): Slots | { readonly problem: string } {
  const parsed = parseCron(schedule);
  if (!isCron(parsed)) return { problem: parsed.message };
  const name = zone ?? 'UTC';
  if (!isZone(name)) return { problem: `"${name}" is no known time zone.` };
  // Local times are written as if they were UTC, where no hour is skipped or repeated.
  const local = new Cron(parsed.pattern, { timezone: 'UTC', mode: '6-part', sloppyRanges: true, paused: true });
  return { after: (ms) => nextSlot(local, name, ms) };
}

export function isSlots(compiled: Slots | { readonly problem: string }): compiled is Slots {
  return 'after' in compiled;
}

/** Walks stretches of constant offset: within one, local time and instants differ by a constant. */
function nextSlot(local: Cron, zone: string, afterMs: number): number | null {
  let fromMs = afterMs;
  for (;;) {
    const offset = offsetMs(zone, fromMs);
    const matchMs = local.nextRun(new Date(fromMs + offset))?.getTime() ?? null;
    if (matchMs === null) return null;
    const candidateMs = matchMs - offset;
    const transitionMs = nextTransition(zone, fromMs, candidateMs);
    if (transitionMs === null) return candidateMs;
    // The search goes on just before the first instant of the next stretch, seen with the next stretch's offset.
    const nextOffset = offsetMs(zone, transitionMs);
    const firstMatchMs = local.nextRun(new Date(transitionMs - 1 + nextOffset))?.getTime() ?? null;
    if (firstMatchMs === transitionMs + nextOffset) return transitionMs;
    fromMs = transitionMs;
  }
}
