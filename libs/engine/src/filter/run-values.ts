import type { JsonRecord } from '#model';
import type { RunContext } from '../run-context.js';

const known = new WeakMap<RunContext, JsonRecord>();

/** What `["context", …]` reads in the filters of a run: `job` with its input, as templates show it, and `testMode`. */
export function valuesOf(run: RunContext): JsonRecord {
  let values = known.get(run);
  if (values === undefined) {
    values = { job: run.job, testMode: run.testMode };
    known.set(run, values);
  }
  return values;
}
