import { count, type Logger } from '#telemetry';

/** What the errors service has to say. Each event is named once; its method raises log line and metric together (P8). */
export interface ErrorsTelemetry {
  /** Per batch, never per record. */
  resultsApplied(batch: {
    readonly finalized: readonly { readonly status: string }[];
    readonly errors: readonly { readonly classification: string | null }[];
  }): void;
  /** An event could not be read or stored and lies among the dead letters now. */
  eventRejected(event: {
    readonly topic: string;
    readonly key: string;
    readonly letter: string;
    readonly reason: string;
  }): void;
  /** Another member owns the partition now, or it was moved on otherwise; reading goes on at the stored position. */
  partitionMoved(moved: { readonly partition: number }): void;
  /** A batch could not be applied; it comes again. */
  batchFailed(batch: { readonly partition: number; readonly events: number }, error: unknown): void;
  /** Offsets that nobody will ever see: the broker dropped events before they were read. */
  offsetsSkipped(gap: { readonly partition: number; readonly from: string; readonly to: string }): void;
  /** What is past its retention could not be deleted; it is tried again in an hour. */
  housekeepingFailed(error: unknown): void;
}

/** Injection token of {@link ErrorsTelemetry}. */
export const errorsTelemetry = Symbol('errors telemetry');

export function createErrorsTelemetry(log: Logger): ErrorsTelemetry {
  return {
    resultsApplied: ({ finalized, errors }) => {
      for (const { status } of finalized) count('millrace.runs.finished', 1, { status });
      for (const [classification, rows] of Map.groupBy(errors, (row) => row.classification ?? 'none')) {
        count('millrace.errors.stored', rows.length, { classification });
      }
    },
    eventRejected: (event) => {
      count('millrace.poison.messages', 1, { queue: event.topic });
      log.error(event, 'event moved to the dead letters');
    },
    partitionMoved: (moved) => log.info(moved, 'the position of a partition was moved by another member'),
    batchFailed: (batch, error) => log.error({ ...batch, error }, 'step results could not be applied; trying again'),
    offsetsSkipped: (gap) => log.error(gap, 'the stream dropped events before they were read'),
    housekeepingFailed: (error) => log.error({ error }, 'housekeeping failed; trying again in an hour'),
  };
}
