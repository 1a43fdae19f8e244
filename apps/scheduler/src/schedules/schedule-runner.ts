import type { Flow } from '#model';
import type { Documents, Firings } from '#store';
import { Limiter } from '#lanes/limiter';
import { fireSlot, type FireSlotDeps } from './fire-slot.js';
import { ScheduleBook, type DueSlot } from './schedule-book.js';
import { schedulesOf, type ScheduleEntry } from './schedule-entry.js';

export interface ScheduleRunnerDeps extends FireSlotDeps {
  readonly firings: Pick<Firings, 'fire' | 'last'>;
  readonly documents: Pick<Documents, 'scheduledFlows' | 'flowsVersion'>;
}

export interface ScheduleRunnerOptions {
  readonly pollMs: number;
  readonly catchUpMs: number;
  readonly firingsInFlight: number;
}

const retryFiringMs = 1_000;
const maxConcurrentAudits = 8;

/** Fires the slots of all schedules for as long as this process leads. */
export class ScheduleRunner {
  readonly #deps: ScheduleRunnerDeps;
  readonly #options: ScheduleRunnerOptions;

  constructor(deps: ScheduleRunnerDeps, options: ScheduleRunnerOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Returns once the signal aborted and the firings under way have ended. */
  async lead(signal: AbortSignal): Promise<void> {
    const reign = new Reign(this.#deps, this.#options, signal);
    await reign.run();
  }
}

/** One period of leading: a successor starts from nothing, so nothing stale survives a loss of leadership. */
class Reign {
  readonly #deps: ScheduleRunnerDeps;
  readonly #options: ScheduleRunnerOptions;
  readonly #signal: AbortSignal;
  readonly #book: ScheduleBook;
  readonly #firing: Limiter;
  readonly #inFlight = new Set<Promise<void>>();
  #version: string | null = null;
  #polledAtMs = -Infinity;

  constructor(deps: ScheduleRunnerDeps, options: ScheduleRunnerOptions, signal: AbortSignal) {
    this.#deps = deps;
    this.#options = options;
    this.#signal = signal;
    this.#book = new ScheduleBook(options.catchUpMs);
    this.#firing = new Limiter(options.firingsInFlight);
  }

  async run(): Promise<void> {
    const { clock } = this.#deps;
    while (!this.#signal.aborted) {
      if (clock.now() >= this.#polledAtMs + this.#options.pollMs) await this.#refresh();
      if (this.#signal.aborted) break;
      const { due, missed } = this.#book.takeDue(clock.now());
      for (const slot of due) this.#track(this.#fire(slot));
      for (const slot of missed) this.#miss(slot, 'the scheduler was not running');
      const wakeAtMs = Math.min(this.#book.nextMs(), this.#polledAtMs + this.#options.pollMs);
      await this.#sleep(Math.max(0, wakeAtMs - clock.now()));
    }
    await Promise.all(this.#inFlight);
  }

  async #refresh(): Promise<void> {
    const { documents, clock, telemetry } = this.#deps;
    this.#polledAtMs = clock.now();
    try {
      const version = await documents.flowsVersion();
      if (version === this.#version) return;
      const flows = await documents.scheduledFlows();
      const entries: ScheduleEntry[] = [];
      for (const { accountId, flow } of flows) {
        // Documents were validated when they were written.
        const schedules = schedulesOf(accountId, flow as unknown as Flow & { readonly _id: string });
        entries.push(...schedules.entries);
        for (const invalid of schedules.invalid) telemetry.scheduleInvalid(invalid);
      }
      const isFirst = this.#version === null;
      this.#version = version;
      this.#book.replace(entries, clock.now());
      if (isFirst) this.#track(this.#reportMissed(entries, clock.now()));
    } catch (error) {
      telemetry.failed('the schedules could not be read; trying again', error);
    }
  }

  /** Repeats a firing that could not be stored for as long as it may be made up for; the key keeps it single. */
  async #fire(slot: DueSlot): Promise<void> {
    const { clock, telemetry } = this.#deps;
    while (!this.#signal.aborted) {
      try {
        return await this.#firing.run(async () => {
          if (!this.#signal.aborted) await fireSlot(this.#deps, slot);
        });
      } catch (error) {
        telemetry.failed('a firing could not be stored; trying again', error, { key: slot.entry.key });
      }
      if (clock.now() - slot.slotMs > this.#options.catchUpMs)
        return this.#miss(slot, 'the firing could not be stored');
      await this.#sleep(retryFiringMs);
    }
  }

  /** Says which schedules had slots that nobody fired and that are too old to be made up for. */
  async #reportMissed(entries: readonly ScheduleEntry[], nowMs: number): Promise<void> {
    const { firings, telemetry } = this.#deps;
    const limiter = new Limiter(maxConcurrentAudits);
    const oldestMs = nowMs - this.#options.catchUpMs;
    const audit = async (entry: ScheduleEntry): Promise<void> => {
      if (this.#signal.aborted) return;
      const last = await firings.last(entry.flowId, entry.exportId);
      if (last === null) return;
      const missedMs = entry.slots.after(Math.max(Date.parse(last), entry.validFromMs));
      if (missedMs !== null && missedMs < oldestMs) this.#miss({ entry, slotMs: missedMs }, 'no scheduler was running');
    };
    try {
      await Promise.all(entries.map((entry) => limiter.run(() => audit(entry))));
    } catch (error) {
      telemetry.failed('missed firings could not be determined', error);
    }
  }

  #miss({ entry, slotMs }: DueSlot, reason: string): void {
    this.#deps.telemetry.scheduleMissed({ key: entry.key, since: new Date(slotMs).toISOString(), reason });
  }

  #track(work: Promise<void>): void {
    this.#inFlight.add(work);
    void work.finally(() => this.#inFlight.delete(work));
  }

  async #sleep(ms: number): Promise<void> {
    try {
      await this.#deps.clock.sleep(ms, this.#signal);
    } catch {
      // aborted: the only way a sleep rejects; the callers look at the signal
    }
  }
}
