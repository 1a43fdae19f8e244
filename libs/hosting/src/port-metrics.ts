import { gauge } from '#telemetry';
import type { Ports } from './ports.js';

/** Queues, stream lag and runs, as a scrape asks for them. Every service shows what it can see through its ports. */
export function registerPortMetrics({ bus, stream, store }: Ports): void {
  gauge('millrace.queue.pending', async (observe) => {
    for (const { queue, pending } of await bus.status()) observe(pending, { queue });
  });
  gauge('millrace.queue.leased', async (observe) => {
    for (const { queue, leased } of await bus.status()) observe(leased, { queue });
  });
  gauge('millrace.queue.oldest', async (observe) => {
    for (const { queue, oldestMs } of await bus.status()) observe(oldestMs ?? 0, { queue });
  });
  gauge('millrace.stream.lag', async (observe) => {
    for (const { topic, partition, lag } of await stream.lag()) observe(Number(lag), { topic, partition });
  });
  gauge('millrace.runs.active', async (observe) => {
    for (const [status, runs] of Object.entries(await store.jobs.countByStatus())) observe(runs, { status });
  });
}
