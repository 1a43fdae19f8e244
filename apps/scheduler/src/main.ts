import { boot } from '#config';
import { runClusterService } from '#hosting/cluster-service';
import { startScheduler } from './wiring.js';

await boot(() =>
  runClusterService({
    service: 'scheduler',
    sections: {},
    start: (host, _config, instance) => startScheduler(host, instance),
  }),
);
