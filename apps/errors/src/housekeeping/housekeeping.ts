import type { Clock } from '#clock';
import type { Maintenance } from '#store';
import type { ErrorsTelemetry } from '../telemetry.js';

const hourMs = 3_600_000;
/** Results of a run are not redelivered this long after its end; its ledger rows may go. */
const ledgerKeptMs = 24 * hourMs;
const rowsPerCall = 1_000;

export interface HousekeepingDeps {
  readonly maintenance: Maintenance;
  readonly clock: Clock;
  readonly telemetry: Pick<ErrorsTelemetry, 'housekeepingFailed'>;
}

/**
 * Once an hour: forgets what is past its retention, and the ledger rows of runs that ended long ago. Replicas may do it at
 * the same time; what one cannot finish the next hour does. Reference: errors §12.
 *
 * @param signal ends it
 */
export async function keepHouse(
  { maintenance, clock, telemetry }: HousekeepingDeps,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const now = new Date(clock.now());
      const endedBefore = new Date(now.getTime() - ledgerKeptMs);
      while (!signal.aborted && (await maintenance.purge(now, rowsPerCall)) >= rowsPerCall);
      while (!signal.aborted && (await maintenance.prune(endedBefore, rowsPerCall)) >= rowsPerCall);
    } catch (error) {
      telemetry.housekeepingFailed(error);
    }
    await clock.sleep(hourMs, signal).catch(() => undefined);
  }
}
