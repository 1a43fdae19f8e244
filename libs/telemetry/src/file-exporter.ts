import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';

type ExportDone = Parameters<SpanExporter['export']>[1];

const toMs = ([seconds, nanos]: readonly [number, number]): number => seconds * 1_000 + nanos / 1_000_000;

/** Writes finished spans as JSON lines, for people without a trace backend; several processes may share the file. */
export class FileSpanExporter implements SpanExporter {
  constructor(private readonly file: string) {
    mkdirSync(dirname(file), { recursive: true });
  }

  export(spans: ReadableSpan[], done: ExportDone): void {
    try {
      // One append per batch: O_APPEND keeps lines of several processes whole.
      appendFileSync(this.file, spans.map((span) => `${JSON.stringify(toLine(span))}\n`).join(''));
      done({ code: ExportResultCode.SUCCESS });
    } catch (error) {
      done({ code: ExportResultCode.FAILED, error: error instanceof Error ? error : new Error(String(error)) });
    }
  }

  async shutdown(): Promise<void> {
    // Every export was synchronous; nothing is pending.
  }

  async forceFlush(): Promise<void> {
    // See shutdown.
  }
}

function toLine(span: ReadableSpan): Record<string, unknown> {
  const { traceId, spanId } = span.spanContext();
  const startMs = toMs(span.startTime);
  return {
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId,
    service: span.resource.attributes['service.name'],
    name: span.name,
    kind: span.kind,
    start: new Date(startMs).toISOString(),
    durationMs: Math.round((toMs(span.endTime) - startMs) * 1_000) / 1_000,
    status: span.status.code,
    attributes: span.attributes,
  };
}
