import type { QueueName } from './bus.js';
import { workQueues } from './bus.js';

/** All queues, in the order that `status()` reports them. */
export const allQueues = ['cmd.run.cancel', ...workQueues] as const satisfies readonly QueueName[];

export function isQueueName(name: string): name is QueueName {
  return (allQueues as readonly string[]).includes(name);
}
