/**
 * Signals: best-effort hints on the bus. Losing one costs time, never correctness: every hint has a sweep behind it.
 */
export const signals = {
  /** executor → scheduler, payload: run ids separated by blanks whose messages were just acknowledged */
  workAcked: 'work.acked',
  /** executor → scheduler, payload: run id; repeated while it reads a first slice that is on no queue (offers) */
  workHeld: 'work.held',
  /** scheduler → executors, payload: run id; repeated until the run has drained */
  runCanceled: 'run.canceled',
  /** errors, scheduler → scheduler, gateway; payload: run ids separated by blanks whose job rows are final now */
  jobFinal: 'job.final',
  /** errors, scheduler → gateway; payload: run ids separated by blanks whose job rows changed and are not final */
  jobChanged: 'job.changed',
  /** gateway → executors; payload: id of a try-out that nobody waits for any more */
  tryOutCanceled: 'try-out.canceled',
  /** gateway → gateways; payload: `<gateway> <accountId>:<requests> …`, requests that it let through since it last said so */
  requestsSpent: 'requests.spent',
  /** gateway → all; payload: `<accountId> <type> <id>`; cached documents of it are stale */
  resourceChanged: 'resource.changed',
} as const;
