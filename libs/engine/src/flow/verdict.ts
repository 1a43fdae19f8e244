import type { Failure } from '#failures';
import type { JsonValue } from '#model';
import { invalidReturn, type UserFunction } from './user-function.js';

/** Whether a filter keeps a record, or why it cannot say. */
export type Verdict = boolean | Failure;

/** Filters return strict booleans (runtime §10): anything else is the script's mistake, not a decision. */
export function verdictOf(value: JsonValue | undefined, { source }: UserFunction): Verdict {
  return typeof value === 'boolean' ? value : invalidReturn(source, 'A filter script must return true or false.');
}
