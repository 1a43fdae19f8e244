import type { ScheduleEntry } from './schedule-entry.js';

export interface DueSlot {
  readonly entry: ScheduleEntry;
  /** epoch milliseconds */
  readonly slotMs: number;
}

interface Line {
  readonly entry: ScheduleEntry;
  /** Next slot to fire; null when the schedule has no more. */
  nextMs: number | null;
}

/** All schedules with their next slot. Pure: time comes in as an argument. */
export class ScheduleBook {
  readonly #catchUpMs: number;
  #lines = new Map<string, Line>();

  /** @param catchUpMs slots missed for longer are not fired any more */
  constructor(catchUpMs: number) {
    this.#catchUpMs = catchUpMs;
  }

  get size(): number {
    return this.#lines.size;
  }

  /**
   * Takes over the current schedules. One that did not change keeps its next slot. A new or changed one starts at its
   * first slot after the flow's last change, or within the catch-up time, whichever is later.
   */
  replace(entries: readonly ScheduleEntry[], nowMs: number): void {
    const before = this.#lines;
    this.#lines = new Map();
    for (const entry of entries) {
      const known = before.get(entry.key);
      const nextMs =
        known?.entry.signature === entry.signature
          ? known.nextMs
          : entry.slots.after(Math.max(nowMs - this.#catchUpMs, entry.validFromMs));
      this.#lines.set(entry.key, { entry, nextMs });
    }
  }

  /** Slots that are due and not older than the catch-up time, oldest first; each is handed out once. */
  takeDue(nowMs: number): { readonly due: readonly DueSlot[]; readonly missed: readonly DueSlot[] } {
    const due: DueSlot[] = [];
    const missed: DueSlot[] = [];
    for (const line of this.#lines.values()) {
      if (line.nextMs !== null && line.nextMs < nowMs - this.#catchUpMs) {
        missed.push({ entry: line.entry, slotMs: line.nextMs });
        line.nextMs = line.entry.slots.after(nowMs - this.#catchUpMs - 1);
      }
      while (line.nextMs !== null && line.nextMs <= nowMs) {
        due.push({ entry: line.entry, slotMs: line.nextMs });
        line.nextMs = line.entry.slots.after(line.nextMs);
      }
    }
    return { due: due.sort((a, b) => a.slotMs - b.slotMs), missed };
  }

  /** When the next slot is due; Infinity when there is none. */
  nextMs(): number {
    let earliest = Infinity;
    for (const line of this.#lines.values()) if (line.nextMs !== null && line.nextMs < earliest) earliest = line.nextMs;
    return earliest;
  }

  entries(): readonly ScheduleEntry[] {
    return [...this.#lines.values()].map((line) => line.entry);
  }
}
