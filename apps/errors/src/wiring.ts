import { systemClock } from '#clock';
import type { Host, ServiceHandle } from '#hosting';
import { createErrorsService } from './errors-service.js';
import { keepHouse } from './housekeeping/housekeeping.js';
import { createErrorsTelemetry } from './telemetry.js';

/**
 * Starts an errors service in this process.
 *
 * @param retentionDays how long errors are kept
 */
export async function startErrors(host: Host, retentionDays: number): Promise<ServiceHandle> {
  const telemetry = createErrorsTelemetry(host.logger.child({ part: 'errors' }));
  const service = createErrorsService({ ...host.ports, telemetry, retentionDays });
  await service.start();
  const stopping = new AbortController();
  const housekeeping = keepHouse(
    { maintenance: host.ports.store.maintenance, clock: systemClock, telemetry },
    stopping.signal,
  );
  return {
    isReady: () => service.isReady(),
    drain: async () => {
      stopping.abort();
      await housekeeping;
      await service.drain();
    },
  };
}
