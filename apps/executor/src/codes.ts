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
  plan_missing: {
    retry: 'never',
    help: 'The snapshot of the flow that this run executes is not in the database. Start the flow again.',
  },
});
