import type { Functions } from '#engine';

/** Users' functions wherever they live: in scripts, or in stacks. */
export function functionsByHome(scripts: Functions, stacks: Functions): Functions {
  return {
    call: (reference, options) => ('scriptId' in reference.home ? scripts : stacks).call(reference, options),
    callEach: (reference, common, each) =>
      ('scriptId' in reference.home ? scripts : stacks).callEach(reference, common, each),
  };
}
