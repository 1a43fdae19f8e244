import type { Firings } from '#store';
import { startSpan } from '#telemetry';
import type { Clock } from '#clock';
import type { AnnounceRun } from '../announce-runs.js';
import { derivedId } from '../ids.js';
import type { SchedulerTelemetry } from '../telemetry.js';
import type { DueSlot } from './schedule-book.js';

export interface FireSlotDeps {
  readonly announce: AnnounceRun;
  readonly firings: Pick<Firings, 'fire'>;
  readonly clock: Clock;
  readonly telemetry: SchedulerTelemetry;
}

/**
 * Fires one slot: stores the firing with its job under a key that exists once, then asks for the start. Two leaders for a
 * moment start one run; a leader that dies in between leaves a queued job, which the sweep starts. A slot that meets a
 * running instance is skipped (decision 5).
 */
export async function fireSlot(deps: FireSlotDeps, { entry, slotMs }: DueSlot): Promise<void> {
  const { accountId, flowId } = entry;
  const instant = new Date(slotMs).toISOString();
  const key = `${entry.key}@${instant}`;
  const jobId = derivedId(key, slotMs);
  const span = startSpan('schedule fire', { role: 'producer', attributes: { 'millrace.flow.id': flowId } });
  try {
    const outcome = await deps.firings.fire(key, instant, {
      jobId,
      accountId,
      flowId,
      integrationId: entry.integrationId,
      triggeredBy: 'schedule',
      userId: null,
      traceId: span.traceId,
      request: {
        ...(entry.exportIds === null ? {} : { _exportIds: [...entry.exportIds] }),
        traceparent: span.traceparent,
      },
      maxConcurrentRuns: entry.maxConcurrentRuns,
    });
    if (outcome === 'fired') deps.announce({ accountId, flowId, jobId });
    deps.telemetry.scheduleFired({ key, outcome, lateMs: deps.clock.now() - slotMs });
  } finally {
    span.end();
  }
}
