import type { z } from 'zod';
import type { executorConfig } from '#config';
import type { Host, ServiceHandle } from '#hosting';
import { gauge } from '#telemetry';
import { createExecutor } from './executor.js';
import { executorSettings } from './settings.js';
import { systemClock } from './system-clock.js';
import { PiscinaPool } from './workers/piscina-pool.js';

export interface ExecutorWiring {
  readonly config: z.infer<(typeof executorConfig)['schema']>;
  readonly instance: string;
  readonly egressAllow: readonly string[];
  readonly filesystemRoot?: string | undefined;
  /** `MILLRACE_ENCRYPTION_KEYS` */
  readonly keyring?: string | undefined;
}

/** Starts an executor in this process, with its worker threads. */
export async function startExecutor(host: Host, wiring: ExecutorWiring): Promise<ServiceHandle> {
  const { config, instance, egressAllow, filesystemRoot, keyring } = wiring;
  const logger = host.logger.child({ part: 'executor' });
  const settings = executorSettings({
    instance,
    workers: config.MILLRACE_EXECUTOR_WORKERS,
    window: config.MILLRACE_EXECUTOR_WINDOW,
    maxInFlight: config.MILLRACE_EXECUTOR_IN_FLIGHT,
    egressAllow,
    ...(filesystemRoot === undefined ? {} : { filesystemRoot }),
    ...(keyring === undefined ? {} : { keyring }),
  });
  const pool = new PiscinaPool(
    settings.workers,
    {
      ...settings,
      scripts: { isolateMemoryMb: config.MILLRACE_SCRIPT_MEMORY_MB, callMs: config.MILLRACE_SCRIPT_MS },
    },
    (error, doing) => logger.error({ error, doing }, 'a worker thread failed; its work is delivered again'),
  );
  const executor = createExecutor({ ...host.ports, settings, pool, clock: systemClock, logger });
  gauge('millrace.pages.in_flight', (observe) => observe(executor.stats().pages));
  gauge('millrace.connection.permits', (observe) => {
    const { held, wanted } = executor.stats().permits;
    observe(held, { state: 'held' });
    observe(wanted, { state: 'wanted' });
  });
  await executor.start();
  return { isReady: () => executor.isReady(), drain: () => executor.drain(config.MILLRACE_DRAIN_MS) };
}
