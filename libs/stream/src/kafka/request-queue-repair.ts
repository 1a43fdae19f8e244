import { createRequire } from 'node:module';

interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(this: RequestQueue): void;
}

const repaired = Symbol.for('millrace.kafkajs.requestQueueRepaired');

/**
 * kafkajs 2.2.4 asks every connection's request queue to look again "when the throttling ends", also when it is not
 * throttled and nothing waits: a timer in the past, which Node runs after 1 ms and warns about, and which sets the next
 * one. An idle connection thus wakes the process a thousand times a second. With nothing pending there is nothing to
 * look for, so no timer is needed; a request that has to wait schedules one itself when it is queued.
 */
export function repairRequestQueue(): void {
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as {
    prototype: RequestQueue & { [repaired]?: true };
  };
  if (prototype[repaired]) return;
  prototype[repaired] = true;
  // oxlint-disable-next-line typescript/unbound-method -- bound again below, to the queue it is called on
  const original = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function scheduleCheckPendingRequests(): void {
    if (this.pending.length > 0) original.call(this);
  };
}
