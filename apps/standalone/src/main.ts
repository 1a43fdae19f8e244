import {
  accountsConfig,
  apiConfig,
  boot,
  environment,
  executorConfig,
  loadConfig,
  processConfig,
  retentionConfig,
  securityConfig,
  storageConfig,
} from '#config';
import { keptSecret, registerPortMetrics, runService } from '#hosting';
import { openEmbeddedPorts } from '#hosting/embedded-ports';
import { SecretBox } from '#security';
import { startErrors } from '../../errors/src/wiring.js';
import { startExecutor } from '../../executor/src/wiring.js';
import { startGateway } from '../../gateway/src/wiring.js';
import { startScheduler } from '../../scheduler/src/wiring.js';

const sections = {
  api: apiConfig,
  accounts: accountsConfig,
  storage: storageConfig,
  security: securityConfig,
  executor: executorConfig,
  retention: retentionConfig,
  process: processConfig,
};

/** The four services in one process, on embedded adapters: durable, needs nothing but npm. */
await boot(async () => {
  const env = environment();
  const config = loadConfig(sections, env);
  const instance = config.process.MILLRACE_INSTANCE;
  const dataDir = config.storage.MILLRACE_DATA_DIR;
  await runService({
    service: 'standalone',
    instance,
    logLevel: config.process.LOG_LEVEL,
    env,
    open: (logger) =>
      openEmbeddedPorts({
        dataDir,
        databaseUrl: config.storage.DATABASE_URL,
        poolSize: config.storage.MILLRACE_DATABASE_POOL,
        logger,
      }),
    start: async (host) => {
      const keyring =
        config.security.MILLRACE_ENCRYPTION_KEYS ??
        (await keptSecret(dataDir, 'keys', () => SecretBox.createKey('k1'))).value;
      const shared = {
        instance,
        egressAllow: config.security.MILLRACE_EGRESS_ALLOW,
        filesystemRoot: config.security.MILLRACE_FILESYSTEM_ROOT,
        keyring,
      };
      registerPortMetrics(host.ports);
      const errors = await startErrors(host, config.retention.MILLRACE_RETENTION_DAYS);
      const executor = await startExecutor(host, { ...shared, config: config.executor });
      const scheduler = await startScheduler(host, instance);
      const gateway = await startGateway(host, { ...shared, api: config.api, accounts: config.accounts });
      process.stdout.write(`Millrace is ready: ${gateway.url}/v1 (reference: ${gateway.url}/docs)\n`);
      if (gateway.newToken !== null)
        process.stdout.write(`The first account's token, shown once: ${gateway.newToken}\n`);
      // Drained in this order: those who make work first, those who finish it last.
      return { gateway, scheduler, executor, errors };
    },
  });
});
