import { boot, executorConfig, securityConfig } from '#config';
import { runClusterService } from '#hosting/cluster-service';
import { startExecutor } from './wiring.js';

await boot(() =>
  runClusterService({
    service: 'executor',
    sections: { executor: executorConfig, security: securityConfig },
    start: (host, { executor, security }, instance) =>
      startExecutor(host, {
        config: executor,
        instance,
        egressAllow: security.MILLRACE_EGRESS_ALLOW,
        filesystemRoot: security.MILLRACE_FILESYSTEM_ROOT,
        keyring: security.MILLRACE_ENCRYPTION_KEYS,
      }),
  }),
);
