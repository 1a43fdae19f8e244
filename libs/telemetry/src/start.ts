import type { IncomingMessage, ServerResponse } from 'node:http';
import { trace } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { BatchSpanProcessor, type SpanProcessor } from '@opentelemetry/sdk-trace';
import { FileSpanExporter } from './file-exporter.js';
import { registerProcessMetrics } from './process-metrics.js';
import { useTracer } from './spans.js';

export interface TelemetryOptions {
  /** `millrace-gateway`, `millrace-executor`, …; `OTEL_SERVICE_NAME` wins. */
  readonly service: string;
  readonly instance: string;
  /** The process environment: `OTEL_*` as the OpenTelemetry SDK defines them, `MILLRACE_TRACE_FILE`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Worker threads trace but leave metrics to their process. Default true. */
  readonly withMetrics?: boolean;
}

export interface Telemetry {
  /** True when spans go somewhere. */
  readonly isTracing: boolean;
  /** Answers a scrape in the Prometheus text format. */
  handleMetrics(request: IncomingMessage, response: ServerResponse): void;
  /** Flushes and stops. */
  shutdown(): Promise<void>;
}

/**
 * Starts OpenTelemetry for a process or a worker thread. Spans go to the OTLP endpoint when one is configured, to
 * `MILLRACE_TRACE_FILE` (JSON lines) when that is set, and nowhere otherwise; metrics are always there to be scraped.
 */
export function startTelemetry(options: TelemetryOptions): Telemetry {
  const { env } = options;
  const toOtlp = Boolean(
    env['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? env['OTEL_TRACES_EXPORTER'],
  );
  const file = env['MILLRACE_TRACE_FILE'];
  const prometheus = new PrometheusExporter({ preventServerStart: true });
  const processors: SpanProcessor[] = file ? [new BatchSpanProcessor({ exporter: new FileSpanExporter(file) })] : [];
  const sdk = new NodeSDK({
    serviceName: env['OTEL_SERVICE_NAME'] ?? options.service,
    autoDetectResources: true,
    instrumentations: [],
    metricReaders: options.withMetrics === false ? [] : [prometheus],
    logRecordProcessors: [],
    // Unset, the SDK builds its exporters from OTEL_*; an explicit list replaces them.
    ...(toOtlp && !file ? {} : { spanProcessors: processors }),
  });
  sdk.start();
  const isTracing = toOtlp || file !== undefined;
  useTracer(isTracing ? trace.getTracer('millrace') : null);
  if (options.withMetrics !== false) registerProcessMetrics();
  return {
    isTracing,
    handleMetrics: (request, response) => prometheus.getMetricsRequestHandler(request, response),
    shutdown: async () => {
      useTracer(null);
      await sdk.shutdown();
    },
  };
}
