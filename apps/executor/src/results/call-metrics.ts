import { count, observeSeconds } from '#telemetry/metrics';
import type { CallStats, StepTotals } from '../workers/protocol.js';

/** Workers collect, the process counts: metrics have one registry per process. */
export function countCalls(calls: readonly CallStats[]): void {
  for (const { system, statusClass, durationsMs } of calls) {
    count('millrace.outbound.requests', durationsMs.length, { system, status: statusClass });
    for (const ms of durationsMs) observeSeconds('millrace.outbound.duration', ms / 1000, { system });
  }
}

export function countRecords(steps: readonly StepTotals[]): void {
  let success = 0;
  let error = 0;
  let ignore = 0;
  for (const step of steps) {
    success += step.success;
    error += step.error;
    ignore += step.ignore;
  }
  if (success > 0) count('millrace.records', success, { outcome: 'success' });
  if (error > 0) count('millrace.records', error, { outcome: 'error' });
  if (ignore > 0) count('millrace.records', ignore, { outcome: 'ignore' });
}
