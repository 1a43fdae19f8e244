import { brokersConfig, environment, loadConfig, processConfig, storageConfig, type ConfigSection } from '#config';
import { startHealthServer } from '#telemetry';
import type { z } from 'zod';
import { openClusterPorts } from './cluster-ports.js';
import { registerPortMetrics } from './port-metrics.js';
import { runService, type Host, type ServiceHandle } from './run-service.js';

type Sections = Readonly<Record<string, ConfigSection<z.ZodRawShape>>>;
type Values<T extends Sections> = { readonly [K in keyof T]: z.infer<T[K]['schema']> };

export interface ClusterService<T extends Sections> {
  readonly service: string;
  /** what the service is configured by, beyond brokers, storage and the process itself */
  readonly sections: T;
  /** A gateway answers health and metrics on its own port. Default: the service gets a server for them. */
  readonly hasOwnPort?: boolean;
  readonly start: (host: Host, config: Values<T>, instance: string) => Promise<ServiceHandle>;
}

/** Runs one service of a cluster as a process of its own. */
export async function runClusterService<T extends Sections>(options: ClusterService<T>): Promise<void> {
  const env = environment();
  const config = loadConfig(
    { ...options.sections, brokers: brokersConfig, storage: clusterStorage, process: processConfig },
    env,
  );
  const {
    brokers,
    storage,
    process: self,
  } = config as unknown as Values<{
    brokers: typeof brokersConfig;
    storage: typeof clusterStorage;
    process: typeof processConfig;
  }>;
  const instance = self.MILLRACE_INSTANCE;
  await runService({
    service: options.service,
    instance,
    logLevel: self.LOG_LEVEL,
    env,
    open: (logger) =>
      openClusterPorts({
        natsUrl: brokers.NATS_URL,
        kafkaBrokers: brokers.KAFKA_BROKERS,
        databaseUrl: storage.DATABASE_URL,
        namespace: brokers.MILLRACE_NAMESPACE,
        instance,
        poolSize: storage.MILLRACE_DATABASE_POOL,
        logger,
      }),
    start: async (host) => {
      registerPortMetrics(host.ports);
      const health =
        options.hasOwnPort === true
          ? null
          : await startHealthServer({ host: '0.0.0.0', port: self.MILLRACE_HEALTH_PORT }, host.telemetry, {
              ready: host.states,
            });
      const handle = await options.start(host, config, instance);
      return {
        [options.service]: {
          isReady: () => handle.isReady(),
          drain: async () => {
            await handle.drain();
            await health?.close();
          },
        },
      };
    },
  });
}

const clusterStorage = {
  ...storageConfig,
  schema: storageConfig.schema.extend({ DATABASE_URL: storageConfig.schema.shape.DATABASE_URL.unwrap() }),
};
