import type { FunctionOutcome, Functions } from '#engine';

const refusal: FunctionOutcome = { failure: { code: 'not_supported', message: 'Scripts cannot run yet.' } };

/** Plans that name functions are refused when they are compiled; should one slip through, its records say so. */
export const refusedFunctions: Functions = {
  call: async () => refusal,
  callEach: async (_reference, _common, each) => each.map(() => refusal),
};
