import { randomFillSync } from 'node:crypto';

/** W3C Trace Context, the only form in which a trace crosses a process or a thread. https://www.w3.org/TR/trace-context/ */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

const pattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const zeroTrace = '0'.repeat(32);
const zeroSpan = '0'.repeat(16);

/** @returns null for anything that is not a valid version-00 `traceparent` */
export function parseTraceparent(text: string | undefined): TraceContext | null {
  const match = text === undefined ? null : pattern.exec(text);
  if (!match) return null;
  const [, traceId, spanId, flags] = match as unknown as [string, string, string, string];
  if (traceId === zeroTrace || spanId === zeroSpan) return null;
  return { traceId, spanId, sampled: (parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceparent(context: TraceContext): string {
  return `00-${context.traceId}-${context.spanId}-${context.sampled ? '01' : '00'}`;
}

/** A new trace: what a run gets that nobody traces, so that its jobs and errors still share an id. */
export function newTraceContext(sampled: boolean): TraceContext {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const traceId = pool.toString('hex', used, used + 16);
  const spanId = pool.toString('hex', used + 16, used + idBytes);
  used += idBytes;
  return { traceId, spanId, sampled };
}

const idBytes = 24;
/** Every request gets ids: asking the system for them one by one costs more than the rest of an unsampled span. */
const pool = Buffer.alloc(256 * idBytes);
let used = pool.length;
