import { stepResult } from '#contracts';
import type { JobRow } from '#store';
import type { Stream } from '#stream';
import { startSpan } from '#telemetry';
import type { Clock } from '#clock';
import { parseRunRequest } from '../start-run/run-request.js';

/**
 * Produces the `finished` marker: the last event of a run. All results of the run were stored before its last message was
 * acknowledged, so the marker comes after them, and whoever reads it knows final counts (P3). More than one marker has
 * the effect of one.
 */
export async function finishRun(stream: Pick<Stream, 'produce'>, clock: Clock, run: JobRow): Promise<void> {
  const value = stepResult.encode({
    v: 1,
    kind: 'finished',
    runId: run._id,
    accountId: run.accountId,
    flowId: run._flowId,
    canceled: run.status === 'canceling',
    finishedAt: new Date(clock.now()).toISOString(),
  });
  const span = startSpan('millrace.run.finish', {
    role: 'producer',
    traceparent: parseRunRequest(run.request).traceparent ?? undefined,
    attributes: { 'millrace.run.id': run._id, 'millrace.flow.id': run._flowId },
  });
  try {
    await stream.produce('step-results', [{ key: run._id, value, headers: { traceparent: span.traceparent } }]);
  } finally {
    span.end();
  }
}
