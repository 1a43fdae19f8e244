import { compileFlow } from '#engine';
import type { Host, ServiceHandle } from '#hosting';
import { createScheduler } from './scheduler.js';
import { createSchedulerTelemetry } from './telemetry.js';

/** Starts a scheduler in this process. */
export async function startScheduler(host: Host, instance: string): Promise<ServiceHandle> {
  const telemetry = createSchedulerTelemetry(host.logger.child({ part: 'scheduler' }));
  const scheduler = createScheduler({ ...host.ports, compile: compileFlow, telemetry, instanceId: instance });
  await scheduler.start();
  return scheduler;
}
