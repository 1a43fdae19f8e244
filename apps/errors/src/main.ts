import { boot, retentionConfig } from '#config';
import { runClusterService } from '#hosting/cluster-service';
import { startErrors } from './wiring.js';

await boot(() =>
  runClusterService({
    service: 'errors',
    sections: { retention: retentionConfig },
    start: (host, { retention }) => startErrors(host, retention.MILLRACE_RETENTION_DAYS),
  }),
);
