import { defineCodes } from '#failures';

/** Codes that the executor itself puts on stored errors. Reference: errors §4. */
export const executorCodes = defineCodes('executor', {
  delivery_attempts_exhausted: {
    retry: 'never',
    help: 'The page was tried many times and never finished, because executors stopped or failed on it. Its records are kept as retry data: look at the executor logs, then retry them.',
  },
  run_unknown: {
    retry: 'never',
    help: 'Work arrived for a run that the database does not know. It went to the dead letters; replay it once the database is restored.',
  },
  integration_required: {
    retry: 'never',
    help: 'A function of a flow called an export or import, but the flow belongs to no integration. Move the flow into one and run again.',
  },
  host_calls_too_deep: {
    retry: 'never',
    help: 'A function called an export or import whose functions called others, more than three levels deep. Look for ones that call each other.',
  },
  state_full: {
    retry: 'never',
    help: 'The scripts of the account keep as many keys in the state as they may. Have them delete some.',
  },
  plan_missing: {
    retry: 'never',
    help: 'The snapshot of the flow that this run executes is not in the database. Start the flow again.',
  },
});
