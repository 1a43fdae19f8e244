import { compileFlow } from '#engine';
import type { Host, ServiceHandle } from '#hosting';
import { gauge } from '#telemetry';
import { createScheduler } from './scheduler.js';
import { createSchedulerTelemetry } from './telemetry.js';

/** Starts a scheduler in this process. */
export async function startScheduler(host: Host, instance: string): Promise<ServiceHandle> {
  const telemetry = createSchedulerTelemetry(host.logger.child({ part: 'scheduler' }));
  const scheduler = createScheduler({ ...host.ports, compile: compileFlow, telemetry, instanceId: instance });
  gauge('millrace.scheduler.leader', (observe) => observe(scheduler.isLeader() ? 1 : 0));
  await scheduler.start();
  return scheduler;
}
