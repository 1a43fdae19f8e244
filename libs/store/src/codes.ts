import { defineCodes } from '#failures';

/** Why a whole run failed: at its start, or as the ledger found at its end. */
export const runCodes = defineCodes('run', {
  pages_lost: {
    help: 'Pages that were generated have no result, or a generator never reported its end. Look at the message for the numbers, then run the flow again: what was delivered is not lost, what is missing was not delivered.',
    retry: 'never',
  },
  invalid_input: {
    help: "The input of the run does not meet the flow's inputSchema, or is missing: schedules and chains start runs without any. Start the flow with an input, or give its schema nothing to demand.",
    retry: 'never',
  },
  generator_failed: {
    help: 'A source could not be read to its end. What was read before is processed and counted; the error of the export says what stopped it.',
    retry: 'never',
  },
});
