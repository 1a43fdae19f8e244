import { accountsConfig, apiConfig, boot, securityConfig } from '#config';
import { runClusterService } from '#hosting/cluster-service';
import { startGateway } from './wiring.js';

const security = {
  ...securityConfig,
  schema: securityConfig.schema.extend({
    MILLRACE_ENCRYPTION_KEYS: securityConfig.schema.shape.MILLRACE_ENCRYPTION_KEYS.unwrap(),
  }),
};

await boot(() =>
  runClusterService({
    service: 'gateway',
    sections: { api: apiConfig, accounts: accountsConfig, security },
    hasOwnPort: true,
    start: async (host, config, instance) => {
      const gateway = await startGateway(host, {
        api: config.api,
        accounts: config.accounts,
        instance,
        egressAllow: config.security.MILLRACE_EGRESS_ALLOW,
        filesystemRoot: config.security.MILLRACE_FILESYSTEM_ROOT,
        keyring: config.security.MILLRACE_ENCRYPTION_KEYS,
      });
      if (gateway.newToken !== null)
        process.stdout.write(`The first account's token, shown once: ${gateway.newToken}\n`);
      return gateway;
    },
  }),
);
