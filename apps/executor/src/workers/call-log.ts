import { AsyncLocalStorage } from 'node:async_hooks';
import type { OutboundCall } from '#connectors';
import { startSpan } from '#telemetry/spans';
import type { CallStats } from './protocol.js';

/** Outbound calls of one task, whichever connector makes them. */
export class CallLog {
  /** @param watch told about each call while it is observed */
  constructor(private readonly watch?: (call: OutboundCall) => void) {}

  readonly #groups = new Map<string, { system: string; statusClass: string; durationsMs: number[] }>();

  add(call: OutboundCall): void {
    const statusClass = call.status === null ? 'error' : `${Math.trunc(call.status / 100)}xx`;
    const key = `${call.system} ${statusClass}`;
    let group = this.#groups.get(key);
    if (!group) this.#groups.set(key, (group = { system: call.system, statusClass, durationsMs: [] }));
    group.durationsMs.push(call.durationMs);
    this.watch?.(call);
  }

  stats(): CallStats[] {
    return [...this.#groups.values()];
  }
}

interface Scope {
  readonly calls: CallLog;
  /** span of the step that calls */
  readonly traceparent: string | undefined;
}

const scopes = new AsyncLocalStorage<Scope>();

/** Runs a step's effect so that the calls it makes are logged with the task and traced under the step. */
export function withCalls<T>(calls: CallLog, traceparent: string | undefined, effect: () => Promise<T>): Promise<T> {
  return scopes.run({ calls, traceparent }, effect);
}

/** For `ConnectorHost.observe`. Reference: OpenTelemetry semantic conventions for HTTP and database clients. */
export function observeCall(call: OutboundCall): void {
  const scope = scopes.getStore();
  if (!scope) return;
  scope.calls.add(call);
  const span = startSpan(`${call.method} ${call.system}`, {
    role: 'client',
    traceparent: scope.traceparent,
    startMs: call.startedAtMs,
    attributes: {
      'millrace.connection.id': call.connectionId,
      'millrace.step.id': call.stepId,
      'server.address': call.target,
      ...(call.system === 'http'
        ? {
            'http.request.method': call.method,
            ...(call.status === null ? {} : { 'http.response.status_code': call.status }),
          }
        : { 'db.system.name': call.system }),
      ...(call.error === undefined ? {} : { 'error.type': call.error }),
    },
  });
  if (call.error !== undefined || (call.status ?? 0) >= 400) span.fail(call.error ?? `status ${call.status}`);
  span.end(call.startedAtMs + call.durationMs);
}
