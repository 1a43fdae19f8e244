import type { Failure } from '#failures';
import type { JsonRecord, JsonValue } from '#model';

/** A user's function: of a script resource, or of a server stack. Reference: runtime §16.1. */
export interface FunctionReference {
  readonly home: { readonly scriptId: string } | { readonly stackId: string };
  readonly name: string;
  /** Handed to the function as `options.configuration` (decision 25). */
  readonly configuration?: JsonRecord;
  /**
   * Names the module instance whose variables the calls of a run share: `<stepId>/<hook>`. State may survive from page to
   * page of one job, and is never shared between hooks, not even of one script (runtime §16.2, decision 27).
   */
  readonly instance: string;
}

export type FunctionOutcome =
  /** What the function returned, as JSON; `undefined` when it returned nothing. */
  | { readonly value: JsonValue | undefined }
  /** It threw, ran out of its limits, returned what is not JSON, or does not exist. The caller knows the source. */
  | { readonly failure: Pick<Failure, 'code' | 'message'> };

/**
 * Runs users' functions. They are hostile (P7): implementations isolate them and bound their time, memory and output.
 * Neither method throws for what a function does: failures are values. Both reject with AbortError on a cancel.
 */
export interface Functions {
  /** One call, usually with a whole page. */
  call(reference: FunctionReference, options: JsonRecord): Promise<FunctionOutcome>;
  /**
   * A function of one record, called for all records of a page in one crossing: `options` of a call are `common` with the
   * members of one of `each` laid over it. Outcomes in the order of `each`, one each; a call that fails fails alone.
   */
  callEach(
    reference: FunctionReference,
    common: JsonRecord,
    each: readonly JsonRecord[],
  ): Promise<readonly FunctionOutcome[]>;
}
