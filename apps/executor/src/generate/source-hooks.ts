import type { StepContext } from '#connectors';
import type { CompiledGenerator, Functions, RunContext } from '#engine';

/** What the source of a generator may call of users' functions. */
export function sourceHooks(
  { preParse }: CompiledGenerator,
  run: RunContext,
  functions: Functions,
): Pick<StepContext, 'preParse'> {
  return preParse === undefined ? {} : { preParse: (file) => preParse(file, run, functions) };
}
