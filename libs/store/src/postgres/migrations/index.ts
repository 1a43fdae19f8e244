import { Migration001Initial } from './001-initial.js';
import { Migration002Routers } from './002-routers.js';
import { Migration003ScriptLogs } from './003-script-logs.js';
import { Migration004State } from './004-state.js';
import { Migration005TestRuns } from './005-test-runs.js';
import { Migration006HotJobs } from './006-hot-jobs.js';

/** In the order in which they run. A name, once released, never changes. */
export const migrations = [
  Migration001Initial,
  Migration002Routers,
  Migration003ScriptLogs,
  Migration004State,
  Migration005TestRuns,
  Migration006HotJobs,
];
