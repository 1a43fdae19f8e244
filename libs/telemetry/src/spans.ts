import {
  context,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { formatTraceparent, newTraceContext, parseTraceparent } from './trace-context.js';

export type SpanRole = 'internal' | 'server' | 'client' | 'producer' | 'consumer';

export interface SpanOptions {
  readonly role?: SpanRole;
  /** Parent as it travelled in headers; absent: the active span, else a new trace. */
  readonly traceparent?: string | undefined;
  /** Semantic conventions for messaging, HTTP and database; `millrace.*` for the domain. Never payloads or secrets. */
  readonly attributes?: Attributes;
  /** epoch milliseconds, for spans reported after the fact */
  readonly startMs?: number;
}

/** A unit of work in a trace. Per run, slice, bundle, step or outbound request; never per record. */
export interface OpenSpan {
  /** What to send along, so that others continue this trace. */
  readonly traceparent: string;
  readonly traceId: string;
  set(attributes: Attributes): void;
  fail(reason: string): void;
  /** @param endMs epoch milliseconds; now when absent */
  end(endMs?: number): void;
}

const kinds: Readonly<Record<SpanRole, SpanKind>> = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
};

let tracer: Tracer | null = null;

/** Called once by the telemetry start of a process or worker thread; without it spans cost nothing and only pass ids on. */
export function useTracer(next: Tracer | null): void {
  tracer = next;
}

/** Whether spans go anywhere; where many would be made for one event, ask first. */
export function isTracing(): boolean {
  return tracer !== null;
}

function parentContext(traceparent: string | undefined): Context {
  const parent = parseTraceparent(traceparent);
  if (!parent) return context.active();
  return trace.setSpanContext(context.active(), {
    traceId: parent.traceId,
    spanId: parent.spanId,
    traceFlags: parent.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
  });
}

/** Without a tracer, ids still flow: jobs and errors of one run share a trace id. */
function passThrough(traceparent: string | undefined): OpenSpan {
  const own = parseTraceparent(traceparent) ?? newTraceContext(false);
  return {
    traceparent: formatTraceparent(own),
    traceId: own.traceId,
    set: () => undefined,
    fail: () => undefined,
    end: () => undefined,
  };
}

function wrap(span: Span): OpenSpan {
  const own = span.spanContext();
  return {
    traceparent: formatTraceparent({ ...own, sampled: (own.traceFlags & TraceFlags.SAMPLED) !== 0 }),
    traceId: own.traceId,
    set: (attributes) => void span.setAttributes(attributes),
    fail: (reason) => void span.setStatus({ code: SpanStatusCode.ERROR, message: reason.slice(0, 256) }),
    end: (endMs) => span.end(endMs),
  };
}

export function startSpan(name: string, options: SpanOptions = {}): OpenSpan {
  if (!tracer) return passThrough(options.traceparent);
  return wrap(
    tracer.startSpan(
      name,
      {
        kind: kinds[options.role ?? 'internal'],
        ...(options.attributes ? { attributes: options.attributes } : {}),
        ...(options.startMs === undefined ? {} : { startTime: options.startMs }),
      },
      parentContext(options.traceparent),
    ),
  );
}

/** Runs `work` in a span that ends with it; a throw marks the span as failed and goes on. */
export async function inSpan<T>(name: string, options: SpanOptions, work: (span: OpenSpan) => Promise<T>): Promise<T> {
  const span = startSpan(name, options);
  try {
    return await work(span);
  } catch (error) {
    span.fail(error instanceof Error ? error.message : String(error));
    throw error;
  } finally {
    span.end();
  }
}
