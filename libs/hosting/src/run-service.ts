import { createLogger, startTelemetry, type Logger, type Telemetry } from '#telemetry';
import { portStates, type Ports } from './ports.js';

/** A service as its process sees it. */
export interface ServiceHandle {
  /** Whether it does its work now, beyond its ports. */
  isReady(): boolean | Promise<boolean>;
  /** Takes no more work, finishes what it has, within its own deadline. */
  drain(): Promise<void>;
}

export interface Host {
  readonly ports: Ports;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** True from the first signal on; readiness says so while the service drains. */
  readonly isStopping: () => boolean;
  /** Ports and services by name, all true when ready. */
  readonly states: () => Promise<Readonly<Record<string, boolean>>>;
}

export interface ServiceOptions {
  /** `gateway`, `scheduler`, `executor`, `errors`, `standalone` */
  readonly service: string;
  readonly instance: string;
  readonly logLevel: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly open: (logger: Logger) => Promise<Ports>;
  /** Starts the services, in the order in which they are to be drained. */
  readonly start: (host: Host) => Promise<Readonly<Record<string, ServiceHandle>>>;
}

const signals = ['SIGTERM', 'SIGINT'] as const;

/**
 * Runs a process: telemetry, ports, services, and an orderly end. The first SIGTERM or SIGINT drains; a second one ends
 * the process at once, which is safe at any moment (what was not acknowledged comes again).
 */
export async function runService(options: ServiceOptions): Promise<void> {
  const telemetry = startTelemetry({
    service: `millrace-${options.service}`,
    instance: options.instance,
    env: options.env,
  });
  const logger = createLogger({ service: options.service, instance: options.instance, level: options.logLevel });
  const ports = await options.open(logger);
  let isStopping = false;
  let services: Readonly<Record<string, ServiceHandle>> = {};
  const states = async (): Promise<Readonly<Record<string, boolean>>> => ({
    ...(await portStates(ports)),
    ...Object.fromEntries(
      await Promise.all(Object.entries(services).map(async ([name, s]) => [name, await s.isReady()] as const)),
    ),
    accepting: !isStopping,
  });
  let starting: Promise<Readonly<Record<string, ServiceHandle>>> = Promise.resolve({});
  const stop = async (signal: string): Promise<void> => {
    if (isStopping) process.exit(1);
    isStopping = true;
    logger.info({ signal }, 'draining');
    try {
      for (const service of Object.values(await starting)) await service.drain();
      await ports.close();
      await telemetry.shutdown();
    } catch (error) {
      logger.error({ error }, 'the shutdown was not orderly; nothing is lost, unacknowledged work comes again');
      process.exitCode = 1;
    }
    process.exit();
  };
  // Before the services start: whoever sees the address may send a signal at once.
  for (const signal of signals) process.on(signal, () => void stop(signal));
  starting = options.start({ ports, logger, telemetry, isStopping: () => isStopping, states });
  services = await starting;
  logger.info({}, `${options.service} is ready`);
}
