import moment from 'moment-timezone';
import type { RunContext } from '#engine';
import type { Export, JsonRecord } from '#model';

/** A full export reads from the beginning of time. Reference: runtime §3.1. */
const BEGINNING = '1970-01-01T00:00:00.000Z';

/**
 * `lastExportDateTime` and `currentExportDateTime` as templates see them. The window, lag offset included, is the run's;
 * only the format is the export's. An empty time, of a preview, stays empty (runtime §21).
 */
export function deltaRoots(step: Export, run: RunContext): JsonRecord {
  const last = run.lastExportDateTime ?? (step.type === 'delta' ? BEGINNING : null);
  const format = step.delta?.dateFormat;
  const shown = (iso: string | null): string | null =>
    iso === null || iso === '' || !format ? iso : moment.utc(iso).format(format);
  return {
    lastExportDateTime: shown(last),
    currentExportDateTime: shown(run.currentExportDateTime),
    lastExportDateTimeUTC: last,
  };
}
