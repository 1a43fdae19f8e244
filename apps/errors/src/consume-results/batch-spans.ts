import type { StreamEvent } from '#stream';
import { isTracing, startSpan, type OpenSpan } from '#telemetry';

/**
 * One span per run that has results in a batch, below whatever produced the first of them: results of many pages are
 * applied together, and a span for each would tell nothing more.
 */
export function batchSpans(events: readonly StreamEvent[]): readonly OpenSpan[] {
  if (!isTracing()) return [];
  const counts = new Map<string, { traceparent: string | undefined; events: number }>();
  for (const { key, headers } of events) {
    const run = counts.get(key);
    if (run) run.events += 1;
    else counts.set(key, { traceparent: headers['traceparent'], events: 1 });
  }
  return [...counts].flatMap(([runId, run]) =>
    run.traceparent === undefined
      ? []
      : startSpan('millrace.results.apply', {
          role: 'consumer',
          traceparent: run.traceparent,
          attributes: {
            'millrace.run.id': runId,
            'messaging.destination.name': 'step-results',
            'messaging.batch.message_count': run.events,
          },
        }),
  );
}
