import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '#connectors';

/** Its sleeps keep no process alive: connections do that, and a sleep is always about something on them. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { ref: false, ...(signal === undefined ? {} : { signal }) }),
};
