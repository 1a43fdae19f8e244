import { tokenInfoOperations } from '../auth/token-info.operations.js';
import { pingOperations } from '../connections/ping.operations.js';
import { flowOperations } from '../flows/flow.operations.js';
import { registrationOperations } from '../integrations/integration.operations.js';
import { jobOperations } from '../jobs/job.operations.js';
import { resourceOperations } from '../resources/resource.operations.js';
import { scriptLogOperations } from '../scripts/script-log.operations.js';
import { systemTokenOperations } from '../stacks/system-token.operations.js';
import { stateOperations } from '../state/state.operations.js';
import { tryOutOperations } from '../try-out/try-out.operations.js';
import type { Operation } from './operation.js';

/** Every call below /v1. */
export const operations: readonly Operation[] = [
  ...resourceOperations,
  ...registrationOperations,
  ...pingOperations,
  ...systemTokenOperations,
  ...flowOperations,
  ...jobOperations,
  ...scriptLogOperations,
  ...stateOperations,
  ...tryOutOperations,
  ...tokenInfoOperations,
];
