import type { Failure } from '#failures';
import type { JsonRecord } from '#model';
import type { Functions } from '../functions.js';
import type { CompiledFlow } from '../program.js';
import type { RunContext } from '../run-context.js';
import { detailsOf } from './step-details.js';
import { callFunction, type UserFunction } from './user-function.js';

/** An import that wants to hear of its files. */
export interface Aggregation {
  readonly stepId: string;
  /**
   * Tells the hook of one complete file.
   *
   * @returns why it failed; null when it did not. What it returns is ignored. Reference: runtime §16.1.
   * @throws AbortError on a cancel
   */
  report(file: JsonRecord, run: RunContext, functions: Functions): Promise<Failure | null>;
}

/** The imports of a flow with a `postAggregate` hook, each once. */
export function aggregationsOf({ program }: CompiledFlow): readonly Aggregation[] {
  const found = new Map<string, Aggregation>();
  for (const instruction of program.instructions) {
    if (instruction.op !== 'import') continue;
    const { postAggregate } = detailsOf(instruction.step);
    if (postAggregate !== undefined) found.set(instruction.stepId, aggregationOf(instruction.stepId, postAggregate));
  }
  return [...found.values()];
}

function aggregationOf(stepId: string, hook: UserFunction): Aggregation {
  return {
    stepId,
    report: async (file, run, functions) => {
      const options = { postAggregateData: { success: true, _json: file } };
      const outcome = await callFunction(hook, options, run, functions);
      return 'failure' in outcome ? outcome.failure : null;
    },
  };
}
